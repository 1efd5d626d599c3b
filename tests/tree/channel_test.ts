import assert from "node:assert/strict";
import { shellService, TreeScene } from "./tree_scene.ts";

const frame = (type: string, members: object) =>
  JSON.stringify({ channel: "acheron", type: `acheron.${type}`, ...members });
const VERSION = frame("t_version", { tag: 1, version: "acheron-1" });
const isTag = (tag: unknown) => (one: Record<string, unknown>) => one["tag"] === tag;

async function ready(scene: TreeScene, token?: string) {
  const raw = await scene.raw(token);
  await raw.ask(VERSION);
  await raw.ask(frame("t_attach", { tag: 2, fid: 1 }));
  return raw;
}

Deno.test("the runtime channel answers each message as the protocol says", async () => {
  await using scene = await TreeScene.open();
  await scene.join([{
    ...{ service_id: "camera", kind: "camera", state: "online", endpoints: ["/nodes/node-1/camera"] },
    capabilities: { a: 1 },
  }]);
  const raw = await scene.raw();
  const path = ["nodes", "node-1", "services", "camera", "CAPS.json"];
  const cases: readonly (readonly [object, string, unknown])[] = [
    [{ type: "t_version", tag: 1, version: "acheron-1" }, "r_version", { msize: 1048576, version: "acheron-1" }],
    [{ type: "t_version", tag: 1, msize: 9000, version: "acheron-1" }, "r_version", {
      msize: 9000,
      version: "acheron-1",
    }],
    [{ type: "t_attach", tag: 2, fid: 1 }, "r_attach", { qid: { path: 1, type: "dir" } }],
    [{ type: "t_attach", tag: 2 }, "error", "invalid"],
    [{ type: "t_attach", tag: 2, fid: -1 }, "error", "invalid"],
    [{ type: "t_walk", tag: 3, fid: 1, newfid: 2, path: [...path.slice(0, 4), "CAPS.json"] }, "r_walk", {
      qid: { path: 0, type: "file" },
      walked: 5,
    }],
    [{ type: "t_walk", tag: 3, fid: 1, newfid: 3, path: [] }, "r_walk", { qid: { path: 1, type: "dir" }, walked: 0 }],
    [{ type: "t_walk", tag: 3, fid: 1, newfid: 3, path: ["nodes", "no"] }, "error", "enoent"],
    [{ type: "t_walk", tag: 3, fid: 77, newfid: 3, path: [] }, "error", "enoent"],
    [{ type: "t_walk", tag: 3, fid: 1, path: [] }, "error", "invalid"],
    [{ type: "t_walk", tag: 3, fid: 1, newfid: 3, path: "nodes" }, "error", "invalid"],
    [{ type: "t_open", tag: 4, fid: 2 }, "r_open", { qid: { path: 0, type: "file" }, iounit: 65536 }],
    [{ type: "t_open", tag: 4, fid: 2, mode: "rw" }, "error", "eperm"],
    [{ type: "t_open", tag: 4, fid: 3, mode: "w" }, "error", "eisdir"],
    [{ type: "t_open", tag: 4, fid: 78 }, "error", "enoent"],
    [{ type: "t_read", tag: 5, fid: 2 }, "r_read", { data_b64: "eyJhIjoxfQ==", n: 7, eof: true }],
    [{ type: "t_read", tag: 5, fid: 2, offset: 1, count: 3 }, "r_read", { data_b64: "ImEi", n: 3, eof: false }],
    [{ type: "t_read", tag: 5, fid: 2, offset: -1 }, "error", "invalid"],
    [{ type: "t_read", tag: 5, fid: 2, count: 1.5 }, "error", "invalid"],
    [{ type: "t_write", tag: 6, fid: 2, data: "x" }, "error", "eperm"],
    [{ type: "t_write", tag: 6, fid: 3, data: "x" }, "error", "eisdir"],
    [{ type: "t_write", tag: 6, fid: 2, data_b64: "!" }, "error", "invalid"],
    [{ type: "t_write", tag: 6, fid: 2 }, "error", "invalid"],
    [{ type: "t_stat", tag: 7, fid: 2 }, "r_stat", {
      ...{ id: 0, name: "CAPS.json", kind: "file", size: 7, mode: 0o100444, writable: false },
    }],
    [{ type: "t_stat", tag: 7, fid: 1 }, "r_stat", {
      ...{ id: 1, name: "/", kind: "dir", size: 0, mode: 0o040755, writable: false },
    }],
    [{ type: "t_clunk", tag: 8, fid: 2 }, "r_clunk", {}],
    [{ type: "t_clunk", tag: 8, fid: 2 }, "r_clunk", {}],
    [{ type: "t_clunk", tag: 8 }, "error", "invalid"],
    [{ type: "t_stat", tag: 7, fid: 2 }, "error", "enoent"],
    [{ type: "t_flush", tag: 9 }, "r_flush", {}],
    [{ type: "t_fs_lookup", tag: 10, node: 1 }, "error", "unsupported"],
    [{ type: "t_hello", tag: 10 }, "error", "unsupported"],
    [{ type: "t_stat", tag: 7, fid: 1, session_key: "no-such" }, "error", "session_not_found"],
  ];
  for (
    const [{ type, ...members }, wanted, payload] of cases as readonly (readonly [
      { readonly type: string; readonly tag: number },
      string,
      unknown,
    ])[]
  ) {
    const answer = await raw.ask(frame(type, members));
    const text = JSON.stringify(answer);
    assert.deepEqual(
      [answer["channel"], answer["type"], answer["tag"]],
      ["acheron", `acheron.${wanted}`, members.tag],
      text,
    );
    assert.equal(answer["ok"], wanted !== "error");
    if (wanted === "error") assert.equal(Object(answer["error"]).code, payload, text);
    else {
      // Ids of places other than the root are any numbers.
      assert.deepEqual(
        JSON.parse(JSON.stringify(answer["payload"]).replace(/"(path|id)":\d{2,}/, '"$1":0')),
        payload,
        text,
      );
    }
  }
  const untagged = await raw.ask(frame("t_stat", { fid: 1 }));
  assert.deepEqual([untagged["type"], "tag" in untagged], ["acheron.r_stat", false]);
});

Deno.test("the runtime channel wants its version first, and needs none of the control channel", async () => {
  await using scene = await TreeScene.open();
  for (const early of [frame("t_attach", { tag: 1, fid: 1 }), frame("t_version", { tag: 1, version: "9P2000" })]) {
    const raw = await scene.raw();
    const answer = await raw.ask(early);
    assert.deepEqual([answer["type"], Object(answer["error"]).code], ["acheron.error", "protocol_mismatch"]);
  }
  const raw = await ready(scene);
  assert.equal(
    (await raw.ask('{"channel":"control","type":"control.version","id":"v","payload":{"protocol":"unified-v2"}}'))[
      "ok"
    ],
    true,
  );
  assert.equal((await raw.ask(frame("t_stat", { tag: 3, fid: 1 })))["ok"], true);
});

Deno.test("who has no token or no project gets nothing of the world", async () => {
  await using scene = await TreeScene.open();
  const admin = await scene.connect();
  const { token } = await admin.call("token_create", { name: "ann", role: "user" });
  const user = await scene.raw(String(token));
  const answer = await user.ask(VERSION);
  assert.deepEqual([answer["type"], Object(answer["error"]).code], ["acheron.error", "provisioning_required"]);
  const anonymous = await scene.anonymous();
  assert.equal(Object((await anonymous.ask(VERSION))["error"]).code, "forbidden");
});

Deno.test("requests that came together are answered in their order where it matters", async () => {
  await using scene = await TreeScene.open();
  const raw = await scene.raw();
  const answers = await Promise.all([
    raw.ask(VERSION, isTag(1)),
    raw.ask(frame("t_attach", { tag: 2, fid: 1 }), isTag(2)),
    raw.ask(frame("t_walk", { tag: 3, fid: 1, newfid: 2, path: ["meta", "protocol.json"] }), isTag(3)),
    raw.ask(frame("t_open", { tag: 4, fid: 2 }), isTag(4)),
    raw.ask(frame("t_walk", { tag: 5, fid: 2, newfid: 3, path: [".."] }), isTag(5)),
    raw.ask(frame("t_read", { tag: 6, fid: 2 }), isTag(6)),
    raw.ask(frame("t_clunk", { tag: 7, fid: 2 }), isTag(7)),
    raw.ask(frame("t_walk", { tag: 8, fid: 1, newfid: 2, path: ["nodes"] }), isTag(8)),
    raw.ask(frame("t_stat", { tag: 9, fid: 2 }), isTag(9)),
    raw.ask(frame("t_stat", { tag: 10, fid: 3 }), isTag(10)),
    // Walks across each other wait for one another in turn.
    raw.ask(frame("t_walk", { tag: 11, fid: 2, newfid: 3, path: [] }), isTag(11)),
    raw.ask(frame("t_walk", { tag: 12, fid: 3, newfid: 2, path: [] }), isTag(12)),
  ]);
  assert.deepEqual(answers.map(({ ok }) => ok), answers.map(() => true), JSON.stringify(answers));
  assert.deepEqual([9, 8].map((index) => Object(answers[index]?.["payload"]).name), ["meta", "nodes"]);
});

Deno.test("an invoke that takes long holds up neither the control channel nor other files", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.startNode("edge", [shellService("slow", "cat >/dev/null; sleep 30; echo '{}'")]);
  const connection = await scene.connect();
  const tree = await scene.tree(connection);
  const slow = tree.write(`/nodes/${node.node_id}/slow/control/invoke.json`, "{}");
  let isDone = false;
  slow.then(() => isDone = true, () => isDone = true);
  assert.equal(Object(await connection.call("ping", {})).error, undefined);
  assert.equal((await tree.stat("/meta")).kind, "dir");
  assert.match(await tree.readText(`/nodes/${node.node_id}/slow/README.md`), /./);
  assert.equal(isDone, false);
});

Deno.test("events are read as lines of JSON, waited for, and let go by t_flush", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.join();
  const raw = await ready(scene);
  await raw.ask(frame("t_walk", { tag: 3, fid: 1, newfid: 2, path: ["nodes", node.node_id, "events"] }));
  const first = Object((await raw.ask(frame("t_read", { tag: 4, fid: 2 })))["payload"]);
  const lines = atob(first.data_b64).trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.map(({ event, node_id }) => [event.kind, node_id]), [["join", "node-1"]]);
  assert.equal(first.eof, true);
  const end = Object((await raw.ask(frame("t_read", { tag: 5, fid: 2, offset: first.n })))["payload"]);
  assert.deepEqual(end, { data_b64: "", n: 0, eof: true });
  const waiting = raw.ask(frame("t_read", { tag: 6, fid: 2, offset: first.n, follow: true }), isTag(6));
  await scene.join(); // Another node's events are not for this file.
  await node.publish([{ service_id: "a", kind: "tool", state: "online", endpoints: ["/nodes/node-1/a"] }]);
  const more = Object((await waiting)["payload"]);
  const event = JSON.parse(atob(more.data_b64));
  assert.deepEqual([event.event.kind, event.service_delta.added[0].service_id], ["upsert", "a"]);
  const offset = first.n + more.n;
  const flushed = raw.ask(frame("t_read", { tag: 7, fid: 2, offset, follow: true }), isTag(7));
  assert.equal((await raw.ask(frame("t_flush", { tag: 8, oldtag: 7 }), isTag(8)))["ok"], true);
  assert.deepEqual(Object((await flushed)["payload"]).n, 0);
  const clunked = raw.ask(frame("t_read", { tag: 9, fid: 2, offset, follow: true }), isTag(9));
  assert.equal((await raw.ask(frame("t_clunk", { tag: 10, fid: 2 }), isTag(10)))["ok"], true);
  assert.equal(Object((await clunked)["payload"]).n, 0);
});

Deno.test("a session that is bound anew has none of its old fids", async () => {
  await using scene = await TreeScene.open();
  const connection = await scene.connect();
  const { project_id } = await connection.call("project_create", { name: "Site" });
  await connection.message("t_version", { version: "acheron-1" });
  await connection.message("t_attach", { fid: 1 });
  await connection.call("session_attach", { session_key: "main", agent_id: "bob", project_id });
  await assert.rejects(connection.message("t_stat", { fid: 1 }), { code: "enoent" });
  await connection.message("t_attach", { fid: 1 });
  await connection.call("session_attach", { session_key: "other", agent_id: "bob", project_id });
  await assert.rejects(connection.message("t_stat", { fid: 1 }), { code: "enoent" });
  assert.equal((await connection.message("t_stat", { fid: 1, session_key: "main" }))["kind"], "dir");
});

Deno.test("so many fids and no more", async () => {
  await using scene = await TreeScene.open();
  const connection = await scene.connect();
  await connection.message("t_version", { version: "acheron-1" });
  await connection.message("t_attach", { fid: 0 });
  const walk = (newfid: number) => connection.message("t_walk", { fid: 0, newfid, path: ["nodes"] });
  for (let batch = 1; batch < 4_096; batch += 256) {
    await Promise.all(Array.from({ length: Math.min(256, 4_096 - batch) }, (_, index) => walk(batch + index)));
  }
  await assert.rejects(walk(4_096), { code: "busy" });
  await connection.message("t_clunk", { fid: 7 });
  assert.equal(Object((await walk(4_096))["qid"]).type, "dir");
});

Deno.test("a tag that is neither number nor text is refused before anything is done", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.startNode("tagged", [shellService("echo", "cat")]);
  const raw = await scene.raw();
  const ask = (type: string, members: string) => raw.ask(`{"channel":"acheron","type":"acheron.${type}",${members}}`);
  await ask("t_version", '"tag":1,"version":"acheron-1"');
  await ask("t_attach", '"tag":2,"fid":1');
  const path = JSON.stringify(["nodes", node.node_id, "echo", "control", "disable"]);
  await ask("t_walk", `"tag":3,"fid":1,"newfid":2,"path":${path}`);
  const answer = await ask("t_write", '"tag":{"toString":1,"valueOf":1},"fid":2,"data":"{}"');
  assert.equal(Object(answer["error"]).code, "invalid");
  const tree = await scene.tree();
  assert.match(await tree.readText(`/nodes/${node.node_id}/echo/health.json`), /"enabled":true/);
});
