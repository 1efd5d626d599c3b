import assert from "node:assert/strict";
import { fsReplyFrame, parseFsFrame } from "../protocol/fs_frames.ts";
import { OpenFiles } from "../relay/open_files.ts";
import type { RelayClient, Tunnel, TunnelRegistry } from "../relay/tunnels.ts";
import { NodeFiles, type PositionHolder } from "./node_files.ts";

/** A node that answers each operation with what it is told to, and counts. */
function nodeThatSays(replies: Readonly<Record<string, object | ((cookie: number) => object)>>, walks = false) {
  const asked: string[] = [];
  const tunnel = {
    abilities: { walks },
    openFiles: new OpenFiles(),
    request(client: RelayClient, tag: number, text: string) {
      const { type, payload } = parseFsFrame(text);
      const operation = type.slice("acheron.t_fs_".length);
      asked.push(operation);
      const reply = replies[operation] ?? {};
      const said = typeof reply === "function" ? reply(Number(Object(payload).cookie)) : reply;
      queueMicrotask(() => client.socket.sendText(fsReplyFrame(`fs_${operation}`, tag, said)));
    },
  } as unknown as Tunnel;
  const tunnels = { get: () => tunnel, find: () => tunnel } as unknown as TunnelRegistry;
  return { files: new NodeFiles(tunnels, "token t-1"), asked };
}

const attr = { id: 7, k: 1 };

Deno.test("NodeFiles.list() and folders() drop names that are no single step of a path", async () => {
  const names = ["good", "../../pwned.txt", "..", ".", "", "a/b", "a\\b", "a\0b", "%2e%2e"];
  const { files } = nodeThatSays({
    exports: { exports: ["work", "../out", "a/b"].map((name, root) => ({ name, root: root + 1 })) },
    readdirp: { ents: names.map((name) => ({ name, attr })), next: names.length, eof: true },
  });
  const entries = await files.list({ node_id: "n", tree: "work", rest: [] }, {});
  assert.deepEqual(entries.map(({ name }) => name), ["good", "%2e%2e"]);
  assert.deepEqual(await files.folders("n"), ["work"]);
});

Deno.test("NodeFiles knows a link for as long as the place is held", async () => {
  const { files, asked } = nodeThatSays({
    exports: { exports: [{ name: "work", root: 1 }] },
    lookup: { attr: { ...attr, k: 2, link: true } },
    getattr: { attr: { ...attr, k: 2 } },
  });
  const file = { node_id: "n", tree: "work", rest: ["to"] };
  const holder = {};
  assert.equal((await files.find(file, holder)).link, true);
  assert.equal((await files.find(file, holder)).link, true);
  assert.equal((await files.find({ ...file, rest: [] }, holder)).link, undefined);
  assert.deepEqual(asked, ["exports", "lookup", "getattr", "getattr"]);
});

Deno.test("NodeFiles goes a long way in one request where the node can, else step by step", async () => {
  const replies = {
    exports: { exports: [{ name: "work", root: 1 }] },
    lookup: { attr },
    walk: { attrs: [{ id: 5, k: 2 }, { id: 6, k: 2 }, attr] },
  };
  const file = { node_id: "n", tree: "work", rest: ["a", "b", "c"] };
  for (const [walks, steps] of [[true, ["walk"]], [false, ["lookup", "lookup", "lookup"]]] as const) {
    const { files, asked } = nodeThatSays(replies, walks);
    const holder: PositionHolder = {};
    assert.equal((await files.find(file, holder)).id, 7n);
    assert.deepEqual(asked, ["exports", ...steps]);
    assert.equal(holder.position?.ids.length, 4);
    // One step from where it is already.
    await files.find({ ...file, rest: ["a", "b", "d"] }, holder);
    assert.deepEqual(asked.at(-1), "lookup");
  }
  const { files } = nodeThatSays({ ...replies, walk: { attrs: [attr] } }, true);
  await assert.rejects(files.find(file, {}), { errno: 5, message: /walk told of another path/ });
});

Deno.test("NodeFiles.list() ends with a node that never ends a listing, and several together hold no more than one may", async () => {
  const ents = Array.from({ length: 4_096 }, (_, at) => ({ name: `f${at}`, attr }));
  const { files, asked } = nodeThatSays({
    exports: { exports: [{ name: "work", root: 1 }] },
    readdirp: { ents, next: 5, eof: false },
  });
  const work = { node_id: "n", tree: "work", rest: [] };
  await assert.rejects(files.list(work, {}), { errno: 5, message: /InvalidReply/ });
  assert.deepEqual(asked, ["exports", "readdirp", "readdirp"]);

  const longest = nodeThatSays({
    exports: { exports: [{ name: "work", root: 1 }] },
    readdirp: (cookie: number) => ({ ents, next: cookie + 1, eof: false }),
  });
  const listings = await Promise.allSettled([longest.files.list(work, {}), longest.files.list(work, {})]);
  const refusals = listings.map((one) => one.status === "rejected" ? Object(one.reason).errno : "listed");
  // Which of them is one too many is a matter of the moment.
  assert.ok(refusals.includes(11) && !refusals.includes("listed"), `${refusals}`);
  const pages = longest.asked.filter((operation) => operation === "readdirp").length;
  assert.ok(pages <= 262_144 / 4_096 + 33, `${pages} pages`);
});

Deno.test("NodeFiles refuses a reply about more bytes than were asked for or sent", async () => {
  const replies = (bytes: number) => ({
    exports: { exports: [{ name: "work", root: 1 }] },
    lookup: { attr },
    open: { h: 3 },
    read: { data_b64: new Uint8Array(bytes).toBase64(), eof: true },
    write: { n: bytes },
  });
  const file = { node_id: "n", tree: "work", rest: ["a"] };
  for (const bytes of [8, 9, 10, 11, 2_359_296]) {
    const { files } = nodeThatSays(replies(bytes));
    const handle = await files.open(file, {}, "read");
    const [reading, writing] = [files.read(handle, 0, 10), files.write(handle, 0, new Uint8Array(10))];
    if (bytes <= 10) {
      assert.equal((await reading).eof, true);
      assert.equal((await writing).n, bytes);
      continue;
    }
    await assert.rejects(reading, { errno: 5, message: `InvalidReply: read told of ${bytes} bytes instead of 10` });
    await assert.rejects(writing, { errno: 5, message: `InvalidReply: write told of ${bytes} bytes instead of 10` });
  }
});

Deno.test("NodeFiles has 128 files of a node open or about to be, the next wait, and those that are read make room", async () => {
  const replies = { exports: { exports: [{ name: "work", root: 1 }] }, lookup: { attr }, open: { h: 3 }, close: {} };
  const { files, asked } = nodeThatSays(replies);
  const count = (operation: string) => asked.filter((one) => one === operation).length;
  let most = 0;
  const opened = Array.from({ length: 300 }, async (_, at) => {
    await files.open({ node_id: "n", tree: "work", rest: [`f${at}`] }, {}, "read");
    most = Math.max(most, count("open") - count("close"));
  });
  await Promise.all(opened);
  assert.deepEqual([count("open"), most <= 129], [300, true], `${most} at once`);
  const written = nodeThatSays(replies).files;
  const open = (at: number) => written.open({ node_id: "n", tree: "work", rest: [`f${at}`] }, {}, "write");
  const outcomes = await Promise.allSettled(Array.from({ length: 130 }, (_, at) => open(at)));
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 128);
  await assert.rejects(open(200), { errno: 11, message: /this connection writes 128 of the node already/ });
});
