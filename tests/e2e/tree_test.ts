/**
 * The tree of the whole program: a server and a node as they are started by
 * hand, and a client of the library.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WorldTree } from "../../mod.ts";
import { Scene } from "./program.ts";

Deno.test("WorldTree reaches services, exported folders and events of a server and a node that run", async () => {
  await using scene = await Scene.open();
  const services = join(scene.folder, "services.d");
  const work = join(scene.folder, "work");
  await mkdir(services);
  await mkdir(work);
  await writeFile(
    join(services, "echo.json"),
    JSON.stringify({
      ...{ service_id: "echo", kind: "tool", capabilities: { invoke: true } },
      mounts: [{ mount_id: "echo", mount_path: "/nodes/{node_id}/echo" }],
      runtime: { type: "native_proc", executable_path: "zss", args: ["driver", "echo"] },
    }),
  );
  const large = Buffer.alloc(3_000_000, "0123456789abcdef\n");
  await writeFile(join(work, "large.txt"), large);
  const node = await scene.startNode("--services-dir", services, "--export", `work=${work}:ro`);
  await node.printed(/online/);
  await using tree = await WorldTree.open({ url: scene.url, token: scene.token });
  const { ok, result } = await tree.invoke({ node_id: "node-1", service_id: "echo" }, { hello: "world" });
  assert.deepEqual([ok, Object(result).echo], [true, { hello: "world" }]);
  assert.ok(large.equals(await tree.read("/nodes/node-1/fs/work/large.txt")));
  await assert.rejects(tree.write("/nodes/node-1/fs/work/large.txt", "x"), { code: "eperm" });
  const seen = await Array.fromAsync(tree.descend("/nodes/node-1"));
  for (const path of ["services/echo/OPS.json", "echo/control/invoke.json", "fs/work/large.txt", "events"]) {
    assert.ok(seen.some((one) => one.path === `/nodes/node-1/${path}`), path);
  }
  const stop = new AbortController();
  for await (const line of tree.follow("/nodes/node-1/events", stop.signal)) {
    assert.equal(JSON.parse(line).node_id, "node-1");
    stop.abort();
  }
  await node.end("SIGTERM");
  await assert.rejects(tree.read("/nodes/node-1/fs/work/large.txt"), { code: "eio" });
  assert.equal((await tree.list("/nodes")).some(({ name }) => name === "node-1"), true);
});
