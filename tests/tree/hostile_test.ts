import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ScriptedNode } from "./scripted_node.ts";
import { shellService, TreeScene } from "./tree_scene.ts";

Deno.test("a payload that is left in the middle is refused where the file is opened another way, and ends nothing", async () => {
  await using scene = await TreeScene.open();
  const { node_id } = await scene.startNode("edge", [shellService("echo", "cat")]);
  const tree = await scene.tree();
  const { connection } = tree;
  await connection.message("t_walk", { fid: 1, newfid: 2, path: ["nodes", node_id, "echo", "control", "invoke.json"] });
  await connection.message("t_open", { fid: 2, mode: "w" });
  await connection.message("t_write", { fid: 2, data: '{"a":' });
  await assert.rejects(connection.message("t_open", { fid: 2, mode: "wa" }), {
    code: "invalid",
    message: /ended before its closing brace/,
  });
  assert.deepEqual((await tree.invoke(`/nodes/${node_id}/services/echo`, { b: 1 })).result, { b: 1 });
});

Deno.test("a later part of a payload is never written through another handle than its beginning", async () => {
  await using scene = await TreeScene.open();
  const sent: string[] = [];
  using node = await ScriptedNode.join(scene, (operation, { members, payload }) => {
    if (operation === "exports") return { exports: [{ name: "svc-echo", root: 1 }] };
    if (operation !== "write") return undefined;
    sent.push(`${members["h"]} ${Object(payload)["off"]}`);
    return { n: 3 };
  });
  const { node_id } = node;
  const admin = await scene.connect();
  const { project_id } = await admin.call("project_create", { name: "Site" });
  const mount = { project_id, node_id, export_name: "svc-echo", mount_path: "/echo" };
  await admin.call("project_mount_set", mount);
  await admin.call("session_attach", { session_key: "main", agent_id: "bob", project_id });
  const { connection } = await scene.tree(admin);
  const path = ["projects", String(project_id), "fs", "echo", "invoke.json"];
  await connection.message("t_walk", { fid: 1, newfid: 2, path });
  await connection.message("t_write", { fid: 2, data: "abc" });
  assert.deepEqual(sent, ["1 0"]);
  // Reading many other files takes no room from the one that is written.
  for (let at = 0; at < 300; at++) {
    await connection.message("t_walk", { fid: 1, newfid: 100 + at, path: [...path.slice(0, -1), `file-${at}`] });
    await connection.message("t_read", { fid: 100 + at });
  }
  const count = (operation: string) => node.asked.filter((one) => one === operation).length;
  assert.ok(count("open") - count("close") <= 128, `${count("open")} opened, ${count("close")} closed`);
  await connection.message("t_write", { fid: 2, offset: 3, data: "def" });
  assert.deepEqual(sent, ["1 0", "1 3"]);
});

Deno.test("nodes that answer everything but reads delay no reads of another on the same connection", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.startNode("edge");
  await writeFile(join(node.work, "a.txt"), "hello");
  using silent = await ScriptedNode.join(scene, (operation) => operation === "read" ? "nothing" : undefined);
  const tree = await scene.tree();
  const waiting = Array.from(
    { length: 20 },
    (_, at) => tree.read(`/nodes/${silent.node_id}/fs/work/file-${at}`).then(() => "read", () => "refused"),
  );
  const isAnswered = Promise.race(waiting);
  for (let at = 0; at < 5; at++) {
    assert.equal(await tree.readText(`/nodes/${node.node_id}/fs/work/a.txt`), "hello");
    assert.match(await tree.readText("/meta/protocol.json"), /acheron-1/);
  }
  assert.ok(silent.asked.includes("read"), "the silent node was asked");
  silent[Symbol.dispose]();
  assert.equal(await isAnswered, "refused");
  await Promise.all(waiting);
});

Deno.test("a path that goes up and down asks the node for each name once", async () => {
  await using scene = await TreeScene.open();
  using node = await ScriptedNode.join(scene);
  const { connection } = await scene.tree();
  const down = ["nodes", node.node_id, "fs", "work", ...Array.from({ length: 100 }, () => "d")];
  const upAndDown = Array.from({ length: 100 }, () => ["..", "d"]).flat();
  await connection.message("t_walk", { fid: 1, newfid: 2, path: [...down, ...upAndDown] });
  assert.ok(node.asked.length <= 410, `${node.asked.length} requests`);
});

Deno.test("a fid is that of its path, also when what stood there was moved by somebody", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.startNode("writer", [], "rw");
  const work = `/nodes/${node.node_id}/fs/work`;
  const tree = await scene.tree();
  await tree.write(`${work}/a`, "moved", { create: true });
  const { connection } = tree;
  const send = (name: string, members: object) => connection.message(name, { fid: 5, ...members });
  await connection.message("t_walk", { fid: 1, newfid: 5, path: [...work.slice(1).split("/"), "a"] });
  assert.equal((await send("t_stat", {}))["size"], 5);
  const other = await scene.tree();
  await other.rename(`${work}/a`, `${work}/a2`);
  await assert.rejects(send("t_stat", {}), { code: "enoent" });
  await assert.rejects(send("t_open", { mode: "w", truncate: true }), { code: "enoent" });
  await other.write(`${work}/a`, "fresh one", { create: true });
  assert.equal((await send("t_stat", {}))["size"], 9);
  await send("t_open", { mode: "w", truncate: true });
  await send("t_write", { data: "new" });
  assert.deepEqual([await tree.readText(`${work}/a`), await tree.readText(`${work}/a2`)], ["new", "moved"]);
  await connection.message("t_walk", { fid: 1, newfid: 6, path: work.slice(1).split("/") });
  await connection.message("t_walk", { fid: 6, newfid: 7, path: ["a"] });
  await send("t_remove", { fid: 7 });
  assert.deepEqual((await tree.list(work)).map(({ name }) => name), ["a2"]);
});

Deno.test("a tag of any length is refused, for it is sent back and written down", async () => {
  await using scene = await TreeScene.open();
  const raw = await scene.raw();
  const frame = { channel: "acheron", type: "acheron.t_version", version: "acheron-1" };
  const answer = await raw.ask(JSON.stringify({ ...frame, tag: "x".repeat(257) }));
  assert.equal(Object(answer["error"]).code, "invalid");
  const { ok, tag } = await raw.ask(JSON.stringify({ ...frame, tag: "x".repeat(256) }));
  assert.deepEqual([ok, tag], [true, "x".repeat(256)]);
});
