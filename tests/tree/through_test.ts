import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { shellService, TreeScene } from "./tree_scene.ts";

Deno.test("WorldTree reads the catalog, invokes a service and reads an exported folder in one session", async () => {
  await using scene = await TreeScene.open();
  const node = await scene.startNode("edge", [shellService("echo", "cat")]);
  await writeFile(join(node.work, "a.txt"), "hello");
  await using tree = await scene.tree();
  assert.deepEqual((await tree.list("/")).map(({ name }) => name), [
    "agents",
    "debug",
    "events",
    "meta",
    "nodes",
    "projects",
  ]);
  assert.deepEqual((await tree.list(`/nodes/${node.node_id}`)).map(({ name, kind }) => `${kind} ${name}`), [
    "file CAPS.json",
    "file NODE.json",
    "file README.md",
    "file SCHEMA.json",
    "file STATUS.json",
    "dir echo",
    "file events",
    "dir fs",
    "dir services",
  ]);
  const outcome = await tree.invoke({ node_id: node.node_id, service_id: "echo" }, { hello: "world" });
  assert.deepEqual([outcome.ok, outcome.result, outcome.error], [true, { hello: "world" }, ""]);
  assert.equal(await tree.readText(`/nodes/${node.node_id}/echo/result.json`), '{"hello":"world"}');
  assert.deepEqual((await tree.list(`/nodes/${node.node_id}/fs`)).map(({ name }) => name), ["work"]);
  assert.equal(await tree.readText(`/nodes/${node.node_id}/fs/work/a.txt`), "hello");
});
