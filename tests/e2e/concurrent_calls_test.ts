/**
 * Many calls at a time, through a server, a tunnel and a node that run.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WorldTree } from "../../mod.ts";
import { Scene } from "./program.ts";

const CALLS = 32;

/** Answers nothing until so many calls are under way, then all of them, the last one first. */
const DRIVER = `
import { createInterface } from "node:readline";
const waiting = [];
for await (const line of createInterface({ input: process.stdin })) {
  waiting.unshift(JSON.parse(line));
  if (waiting.length < ${CALLS}) continue;
  for (const { call_id, payload } of waiting.splice(0)) {
    process.stdout.write(JSON.stringify({ call_id, ok: true, result: { pid: process.pid, said: payload.say } }) + "\\n");
  }
}
`;

Deno.test("32 calls in flight on one persistent service each get their own answer", async () => {
  await using scene = await Scene.open();
  const services = join(scene.folder, "services.d");
  const driver = join(scene.folder, "driver.mjs");
  await mkdir(services);
  await writeFile(driver, `import process from "node:process";${DRIVER}`);
  await writeFile(
    join(services, "echo.json"),
    JSON.stringify({
      ...{ service_id: "echo", kind: "tool", capabilities: { invoke: true } },
      mounts: [{ mount_id: "echo", mount_path: "/nodes/{node_id}/echo" }],
      runtime: { type: "native_proc", mode: "persistent", executable_path: Deno.execPath(), args: ["run", driver] },
    }),
  );
  const node = await scene.startNode("--services-dir", services);
  await node.printed(/online/);
  // Half of them through one connection, half each through one of its own.
  const shared = await WorldTree.open({ url: scene.url, token: scene.token });
  const own = await Promise.all(
    Array.from({ length: CALLS / 2 }, () => WorldTree.open({ url: scene.url, token: scene.token })),
  );
  const trees = [...own, ...own.map(() => shared)];
  const pids = new Set<unknown>();
  try {
    for (const round of [1, 2]) {
      const answers = await Promise.all(
        trees.map((tree, n) => tree.invoke({ node_id: "node-1", service_id: "echo" }, { say: `${round} ${n}` })),
      );
      assert.deepEqual(
        answers.map(({ ok, result }) => [ok, Object(result).said]),
        trees.map((_, n) => [true, `${round} ${n}`]),
      );
      assert.equal(new Set(answers.map(({ call_id }) => call_id)).size, CALLS);
      for (const { result } of answers) pids.add(Object(result).pid);
    }
    assert.equal(pids.size, 1, "one process did all of it");
    const metrics = JSON.parse(new TextDecoder().decode(await shared.read("/nodes/node-1/echo/metrics.json")));
    assert.deepEqual([metrics.invokes_total, metrics.failures_total], [2 * CALLS, 0]);
  } finally {
    await Promise.all([shared, ...own].map((tree) => tree.close()));
  }
});
