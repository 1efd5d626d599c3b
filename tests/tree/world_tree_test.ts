import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tour } from "../../examples/client/tree.ts";
import { ADMIN, shellService, TreeScene } from "./tree_scene.ts";

Deno.test("examples/client/tree.ts calls every service and tells of those that fail", async () => {
  await using scene = await TreeScene.open();
  const broken = shellService("broken", "cat >/dev/null; echo no film >&2; exit 1");
  const { node_id } = await scene.startNode("edge", [
    broken,
    // It does not say that it takes invokes; that it has a program says so.
    { ...shellService("echo", "cat"), capabilities: {} },
  ]);
  const away = { service_id: "away", kind: "tool", state: "online", capabilities: { invoke: true } };
  await scene.join([{ ...away, endpoints: ["/nodes/node-2/away"] }]);
  const stops = await tour(scene.url, ADMIN, { hello: "world" });
  assert.deepEqual(stops.slice(0, 2), [
    { service: `/nodes/${node_id}/services/broken`, outcome: "failed: no film\n" },
    { service: `/nodes/${node_id}/services/echo`, outcome: '{"hello":"world"}' },
  ]);
  assert.match(stops[2]?.outcome ?? "", /^eio: .*"node-2" is not connected/);
});

Deno.test("WorldTree.descend() passes every entry once, each directory before what is in it", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.startNode("edge");
  const expected: string[] = [];
  for (const folder of ["a", "a/b", "a/b/c", "d"]) {
    await mkdir(join(node.work, folder), { recursive: true });
    await writeFile(join(node.work, folder, "file"), folder);
    expected.push(folder, `${folder}/file`);
  }
  const tree = await scene.tree();
  const base = `/nodes/${node.node_id}/fs/work`;
  const below = async (depth?: number) =>
    (await Array.fromAsync(tree.descend(base, depth))).map(({ path }) => path.slice(base.length + 1));
  const all = await below();
  assert.deepEqual(all.toSorted(), expected.toSorted());
  for (const [index, path] of all.entries()) {
    const above = path.split("/").slice(0, -1).join("/");
    assert.ok(above === "" || all.indexOf(above) < index, path);
  }
  assert.deepEqual((await below(1)).toSorted(), ["a", "d"]);
  await assert.rejects(below.call(undefined, 1).then(() => Array.fromAsync(tree.descend(`${base}/no`))), {
    code: "enoent",
  });
});

Deno.test({
  name: "WorldTree removes and moves links that lead nowhere or out of the export, and lists them only when asked",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using scene = await TreeScene.open();
    const node = await scene.startNode("edge", [], "rw");
    const at = (name: string) => join(node.work, name);
    const base = `/nodes/${node.node_id}/fs/work`;
    const tree = await scene.tree();
    await mkdir(at("d"));
    await writeFile(at("d/f"), "f");
    await writeFile(join(scene.folder, "secret"), "secret");
    const links = { dangling: "nowhere", escaping: join(scene.folder, "secret"), folder: scene.folder, good: "f" };
    for (const [name, target] of Object.entries(links)) await symlink(target, at(`d/${name}`));
    const names = async (how?: { links: boolean }) => (await tree.list(`${base}/d`, how)).map(({ name }) => name);
    assert.deepEqual(await names(), ["f", "good"]);
    assert.deepEqual(await names({ links: true }), ["dangling", "escaping", "f", "folder", "good"]);
    const shown = (await tree.list(`${base}/d`, { links: true })).find(({ name }) => name === "escaping");
    assert.deepEqual([shown?.kind, shown?.size, shown?.link, shown?.origin], ["file", 0, true, undefined]);
    // Nothing looks behind them.
    await assert.rejects(tree.read(`${base}/d/escaping`), { code: "eperm" });
    await assert.rejects(tree.stat(`${base}/d/dangling`), { code: "enoent" });

    for (const name of ["dangling", "escaping", "folder"]) {
      await tree.rename(`${base}/d/${name}`, `${base}/d/moved`);
      assert.equal(await readlink(at("d/moved")), links[name as keyof typeof links]);
      await tree.remove(`${base}/d/moved`);
    }
    await assert.rejects(tree.remove(`${base}/d/missing`), { code: "enoent" });
    await assert.rejects(tree.rename(`${base}/d/missing`, `${base}/d/x`), { code: "enoent" });
    assert.deepEqual(await readdir(at("d")), ["f", "good"]);
    assert.equal(await readFile(join(scene.folder, "secret"), "utf8"), "secret");

    // By a name that is not walked to a directory goes as by a fid, an export does not, nor what is behind a link.
    const remove = (...path: string[]) =>
      tree.connection.message("t_remove", { fid: 1, path: ["nodes", node.node_id, "fs", "work", ...path] });
    await assert.rejects(remove("d"), { code: "enotempty" });
    await assert.rejects(remove(), { code: "eperm" });
    await assert.rejects(remove("..", "work"), { code: "invalid" });
    await symlink(scene.folder, at("out"));
    await assert.rejects(remove("out", "secret"), { code: "eperm" });
    await mkdir(at("empty"));
    await remove("empty");
    assert.deepEqual(await readdir(node.work), ["d", "out"]);
  },
});

Deno.test("WorldTree neither removes nor moves a link of an export that is read-only", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.startNode("edge", [], "ro");
  if (Deno.build.os !== "windows") await symlink("nowhere", join(node.work, "dangling"));
  const tree = await scene.tree();
  const path = `/nodes/${node.node_id}/fs/work/dangling`;
  await assert.rejects(tree.remove(path), { code: "enoent" });
  await assert.rejects(tree.rename(path, `${path}2`), { code: "enoent" });
  const steps = path.split("/").slice(1);
  await assert.rejects(tree.connection.message("t_remove", { fid: 1, path: steps }), { code: "eperm" });
  await assert.rejects(
    tree.connection.message("t_rename", { fid: 1, from: steps, path: [...steps.slice(0, -1), "x"] }),
    {
      code: "eperm",
    },
  );
  if (Deno.build.os !== "windows") assert.deepEqual(await readdir(node.work), ["dangling"]);
});

Deno.test("WorldTree.descend() tells of nodes that are away and goes on", async () => {
  await using scene = await TreeScene.open();
  await scene.join([{ service_id: "tool", kind: "tool", state: "online", endpoints: ["/nodes/node-1/tool"] }]);
  const tree = await scene.tree();
  const refused: string[] = [];
  const seen = await Array.fromAsync(tree.descend("/", Infinity, (path, { code }) => refused.push(`${code} ${path}`)));
  assert.deepEqual(refused, ["eio /nodes/node-1/tool"]);
  assert.ok(seen.some(({ path }) => path === "/nodes/node-1/services/tool/CAPS.json"));
  assert.ok(seen.some(({ path }) => path === "/meta/view.json"));
});

Deno.test("a file that is held is read on after its node has come back", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.startNode("edge");
  await writeFile(join(node.work, "a.txt"), "hello");
  const connection = await scene.connect();
  const tree = await scene.tree(connection);
  await connection.message("t_walk", { fid: 1, newfid: 9, path: ["nodes", node.node_id, "fs", "work", "a.txt"] });
  await connection.message("t_open", { fid: 9 });
  assert.equal((await connection.message("t_read", { fid: 9, count: 2 }))["n"], 2);
  await node.stop();
  await assert.rejects(connection.message("t_read", { fid: 9, offset: 2 }), { code: "eio" });
  await scene.resume(node);
  const { data_b64 } = await connection.message("t_read", { fid: 9, offset: 2 });
  assert.equal(atob(String(data_b64)), "llo");
  assert.equal(await tree.readText(`/nodes/${node.node_id}/fs/work/a.txt`), "hello");
});

Deno.test("an invoke whose payload is as large as it may be goes through in one write", async () => {
  await using scene = await TreeScene.open();
  const { node_id } = await scene.startNode("edge", [shellService("count", "wc -c")]);
  const tree = await scene.tree();
  const payload = { fill: "x".repeat(1_048_576 - '{"fill":""}'.length) };
  assert.equal((await tree.invoke({ node_id, service_id: "count" }, payload)).result, 1_048_576);
  const longer = { fill: `${payload.fill}x` };
  await assert.rejects(tree.invoke({ node_id, service_id: "count" }, longer), (error: Error & { code: string }) => {
    return ["invalid", "enospc"].includes(error.code);
  });
});

Deno.test("many trees read the same large file at once, byte for byte", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.startNode("edge");
  const bytes = crypto.getRandomValues(new Uint8Array(65_536));
  const large = Buffer.concat(Array.from({ length: 50 }, () => bytes));
  await writeFile(join(node.work, "large"), large);
  const trees = await Promise.all(Array.from({ length: 3 }, () => scene.tree()));
  // Several on one connection, too: what they ask for at once is more than may stand unread.
  const read = await Promise.all(
    [...trees, ...trees, ...trees].map((tree) => tree.read(`/nodes/${node.node_id}/fs/work/large`)),
  );
  for (const one of read) assert.ok(large.equals(one));
});

Deno.test("WorldTree makes, fills, adds to and removes what a folder may be written with, and nothing else", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.startNode("writer", [], "rw");
  const closed = await scene.startNode("reader");
  const tree = await scene.tree();
  const folder = `/nodes/${node.node_id}/fs/work`;
  await tree.mkdir(`${folder}/new`);
  assert.equal((await tree.stat(`${folder}/new`)).kind, "dir");
  await tree.write(`${folder}/new/a.txt`, "first, and longer", { create: true });
  await tree.write(`${folder}/new/a.txt`, "second");
  await tree.append(`${folder}/new/a.txt`, " third");
  assert.equal(await tree.readText(`${folder}/new/a.txt`), "second third");
  const large = new Uint8Array(3_000_000).fill(7);
  await tree.write(`${folder}/large`, large, { create: true });
  assert.deepEqual(await tree.read(`${folder}/large`), large);
  await assert.rejects(tree.write(`${folder}/none`, "x"), { code: "enoent" });
  await assert.rejects(tree.mkdir(`${folder}/new`), { code: "eexist" });
  await assert.rejects(tree.remove(`${folder}/new`), { code: "enotempty" });
  await tree.remove(`${folder}/new/a.txt`);
  await tree.remove(`${folder}/new`);
  await assert.rejects(tree.stat(`${folder}/new`), { code: "enoent" });
  const other = `/nodes/${closed.node_id}/fs/work`;
  await assert.rejects(tree.mkdir(`${other}/new`), { code: "eperm" });
  await assert.rejects(tree.mkdir("/nodes/new"), { code: "eperm" });
});

Deno.test("WorldTree.rename() moves within an export, and says what keeps it from moving", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.startNode("writer", [shellService("echo", "cat")], "rw");
  const closed = await scene.startNode("reader");
  const tree = await scene.tree();
  const folder = `/nodes/${node.node_id}/fs/work`;
  for (const name of ["one", "two"]) await tree.mkdir(`${folder}/${name}`);
  await tree.write(`${folder}/one/a.txt`, "moved", { create: true });
  await tree.write(`${folder}/two/b.txt`, "replaced", { create: true });
  await tree.rename(`${folder}/one/a.txt`, `${folder}/two/b.txt`);
  assert.equal(await tree.readText(`${folder}/two/b.txt`), "moved");
  await assert.rejects(tree.stat(`${folder}/one/a.txt`), { code: "enoent" });
  await tree.rename(`${folder}/two`, `${folder}/one/inner`);
  assert.equal(await tree.readText(`${folder}/one/inner/b.txt`), "moved");
  const refusals: [from: string, to: string, code: string][] = [
    [`${folder}/none`, `${folder}/some`, "enoent"],
    [`${folder}/one/inner/b.txt`, `${folder}/none/b.txt`, "enoent"],
    [`${folder}/one`, `${folder}/one/inner/one`, "invalid"],
    [`${folder}/one`, "/nodes/one", "eperm"],
    ["/nodes", `${folder}/nodes`, "eperm"],
    [folder, `${folder}/one/work`, "eperm"],
    [`${folder}/one`, `/nodes/${node.node_id}/echo/one`, "exdev"],
    [`/nodes/${node.node_id}/echo/status.json`, `/nodes/${node.node_id}/echo/other.json`, "eperm"],
    [`${folder}/one`, `/nodes/${closed.node_id}/fs/work/one`, "exdev"],
    [`${folder}/one`, `${folder}/../one`, "invalid"],
    [`${folder}/one`, "/", "invalid"],
  ];
  for (const [from, to, code] of refusals) await assert.rejects(tree.rename(from, to), { code }, `${from} to ${to}`);
  assert.equal(await tree.readText(`${folder}/one/inner/b.txt`), "moved");
});

Deno.test("WorldTree.append() loses nothing when several add to one file at once", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.startNode("edge", [], "rw");
  await writeFile(join(node.work, "log"), "");
  const trees = await Promise.all([scene.tree(), scene.tree()]);
  const path = `/nodes/${node.node_id}/fs/work/log`;
  const lines = Array.from({ length: 60 }, (_, at) => `line ${at} ${"x".repeat(at)}\n`);
  await Promise.all(lines.map((line, at) => trees[at % 2]?.append(path, line)));
  const log = await readFile(join(node.work, "log"), "utf8");
  assert.deepEqual(log.split("\n").slice(0, -1).sort(), lines.map((line) => line.slice(0, -1)).sort());
});

Deno.test({
  name: "WorldTree tells of links, descends into none, and removes a link and not what it leads to",
  // Few may make links there.
  ignore: Deno.build.os === "windows",
  async fn() {
    await using scene = await TreeScene.open();
    const node = await scene.startNode("edge", [], "rw");
    await mkdir(join(node.work, "kept"));
    await writeFile(join(node.work, "kept", "file"), "content");
    await mkdir(join(node.work, "folder"));
    await symlink("../kept", join(node.work, "folder", "to-kept"));
    await symlink("..", join(node.work, "folder", "up"));
    await symlink("../kept/file", join(node.work, "folder", "to-file"));
    const tree = await scene.tree();
    const work = `/nodes/${node.node_id}/fs/work`;
    const below = await Array.fromAsync(tree.descend(work));
    assert.deepEqual(
      below.map(({ path, entry: { kind, link } }) => [path.slice(work.length + 1), kind, link]).sort(),
      [
        ["folder", "dir", undefined],
        ["folder/to-file", "file", true],
        ["folder/to-kept", "dir", true],
        ["folder/up", "dir", true],
        ["kept", "dir", undefined],
        ["kept/file", "file", undefined],
      ],
    );
    const [direct, byLink] = [await tree.stat(`${work}/kept/file`), await tree.stat(`${work}/folder/to-kept/file`)];
    assert.deepEqual([byLink.origin, byLink.link], [direct.origin, undefined]);
    const [folder, link] = [await tree.stat(`${work}/kept`), await tree.stat(`${work}/folder/to-kept`)];
    assert.deepEqual([link.origin, link.link], [folder.origin, true]);
    for (const name of ["to-kept", "up", "to-file"]) await tree.remove(`${work}/folder/${name}`);
    await tree.remove(`${work}/folder`);
    assert.equal(await tree.readText(`${work}/kept/file`), "content");
  },
});
