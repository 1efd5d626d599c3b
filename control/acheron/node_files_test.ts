import assert from "node:assert/strict";
import { fsReplyFrame, parseFsFrame } from "../protocol/fs_frames.ts";
import { OpenFiles } from "../relay/open_files.ts";
import type { RelayClient, Tunnel, TunnelRegistry } from "../relay/tunnels.ts";
import { NodeFiles, type PositionHolder } from "./node_files.ts";

/** A node that answers each operation with what it is told to, and counts. */
function nodeThatSays(replies: Readonly<Record<string, object>>, walks = false) {
  const asked: string[] = [];
  const tunnel = {
    abilities: { walks },
    openFiles: new OpenFiles(),
    request(client: RelayClient, tag: number, text: string) {
      const operation = parseFsFrame(text).type.slice("acheron.t_fs_".length);
      asked.push(operation);
      queueMicrotask(() => client.socket.sendText(fsReplyFrame(`fs_${operation}`, tag, replies[operation] ?? {})));
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
