/**
 * Payloads that come in pieces, through a node that runs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FsClient, openSocket } from "../../control/client/mod.ts";
import { systemClock } from "../../drivers/process/mod.ts";
import { WorldTree } from "../../mod.ts";
import { Program, Scene } from "./program.ts";

const ECHO = JSON.stringify({
  ...{ service_id: "echo", kind: "tool", capabilities: { invoke: true } },
  mounts: [{ mount_id: "echo", mount_path: "/nodes/{node_id}/echo" }],
  runtime: { type: "native_proc", executable_path: "zss", args: ["driver", "echo"] },
});

/** As much as a payload may hold, less what makes it JSON; characters that a cut may go through. */
const PAYLOAD = new TextEncoder().encode(`{"text":"${"é€".repeat(209_000)}"}\n`);

/** The payload in three pieces, none of which ends where a character does. */
const CUTS = [0, 300_010, 700_012, PAYLOAD.length - 1, PAYLOAD.length];

Deno.test("a node that runs takes a large payload in several writes, and says when one ends in the middle", async () => {
  const folder = await mkdtemp(join(tmpdir(), "zss-payload-"));
  const args = ["node", "run", "--port", "0", "--services-dir", "services.d"];
  await mkdir(join(folder, "services.d"));
  await writeFile(join(folder, "services.d", "echo.json"), ECHO);
  const node = new Program(args, { cwd: folder });
  try {
    const [, url = ""] = await node.printed(/listening on (\S+):/);
    const client = await FsClient.over(await openSocket({ url }), { clock: systemClock });
    const invoke = await client.walk("svc-echo", ["control", "invoke.json"]);
    const read = async (name: string) =>
      new TextDecoder().decode(await client.read(await client.walk("svc-echo", [name])));
    const file = await client.openFile(invoke, "write");
    const calls: (string | undefined)[] = [];
    for (const [n, from] of CUTS.slice(0, -1).entries()) {
      calls.push((await file.write(from, PAYLOAD.subarray(from, CUTS[n + 1]))).call_id);
    }
    await file.close();
    assert.deepEqual(calls.map((id) => id !== undefined), [false, false, true, false]);
    const [id = ""] = calls.filter((call) => call !== undefined);
    const request = await client.read(await client.walk("svc-echo", ["calls", id, "request.json"]));
    assert.deepEqual(request, PAYLOAD.subarray(0, -1));
    assert.equal(JSON.parse(await read("metrics.json")).invokes_total, 1);

    const left = await client.openFile(invoke, "write");
    await left.write(0, PAYLOAD.subarray(0, 300_010));
    await assert.rejects(left.close(), /service invoke payload invalid: the payload ended .* after 300010 bytes/);
    assert.match(await read("last_error.txt"), /^control\/invoke\.json: service invoke payload invalid: /);
    {
      const gone = await FsClient.over(await openSocket({ url }), { clock: systemClock });
      const half = await gone.openFile(await gone.walk("svc-echo", ["control", "invoke.json"]), "write");
      await half.write(0, PAYLOAD.subarray(0, 7));
      gone.close();
    }
    while (!(await read("last_error.txt")).endsWith("after 7 bytes"));
    await client.write(invoke, new TextEncoder().encode("{}"));
    assert.deepEqual([JSON.parse(await read("metrics.json")).invokes_total, await read("last_error.txt")], [2, ""]);
    client.close();
  } finally {
    await node.end("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
});

Deno.test("zss fs write takes a payload from a pipe, and fails for one that ends in the middle", async () => {
  await using scene = await Scene.open();
  const services = join(scene.folder, "services.d");
  await mkdir(services);
  await writeFile(join(services, "echo.json"), ECHO);
  const node = await scene.startNode("--services-dir", services);
  await node.printed(/online/);
  await using tree = await WorldTree.open({ url: scene.url, token: scene.token });
  const path = "/nodes/node-1/echo/control/invoke.json";
  const pieces = CUTS.slice(0, 3).map((from, n) => PAYLOAD.subarray(from, CUTS[n + 1]));
  const { call_id = "" } = await tree.pour(
    path,
    async function* () {
      yield* pieces;
    }(),
  );
  assert.deepEqual(await tree.read(`/nodes/node-1/echo/calls/${call_id}/request.json`), PAYLOAD.subarray(0, -1));
  await assert.rejects(tree.write(path, '{"text":'), /the payload ended before its closing brace, after 8 bytes/);
  const cut = await scene.client("fs", "write", path, '{"text":');
  assert.equal(cut.code, 1, cut.stderr);
  assert.match(cut.stderr, /the payload ended before its closing brace, after 8 bytes/);
  assert.equal(
    JSON.parse(new TextDecoder().decode(await tree.read("/nodes/node-1/echo/metrics.json"))).invokes_total,
    1,
  );
});
