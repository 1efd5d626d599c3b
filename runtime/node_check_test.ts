import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ManualClock } from "../drivers/process/manual_clock.ts";
import { type CheckedThing, checkNode } from "./node_check.ts";
import type { NodeParts } from "./node.ts";
import type { StandaloneOptions } from "./standalone_node.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "zss-check-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** One of the checks of a standalone node whose state and manifests are in `folder`. */
async function checked(
  folder: string,
  check: CheckedThing["check"],
  wishes: Partial<StandaloneOptions> = {},
  allowInproc = false,
  metrics?: { readonly bind: string; readonly port: number },
): Promise<CheckedThing | undefined> {
  const options: StandaloneOptions = {
    nodeName: "lab",
    exports: [],
    manifestFiles: [],
    manifestDirs: [folder],
    stateFile: join(folder, "state", "node.json"),
    fsService: true,
    reloadIntervalMs: 2_000,
    endpoint: { bind: "127.0.0.1", port: 0, authToken: undefined },
    ...wishes,
  };
  const parts: Omit<NodeParts, "report"> = {
    clock: new ManualClock(),
    random: () => 0,
    newCallId: () => "c-1",
    cwd: folder,
    env: process.env,
    allowInproc,
    version: "0.1.0",
    platform: { os: "linux", arch: "x86_64", runtime_kind: "native" },
  };
  const { checks } = await checkNode({ mode: "standalone", options, metrics }, parts);
  return checks.find((one) => one.check === check);
}

Deno.test("checkNode() says that a terminal without a token is a shell for everybody of this machine", async () => {
  await inFolder(async (folder) => {
    const terminalIds = ["1"];
    const refused = await checked(folder, "endpoint", { terminalIds });
    assert.equal(refused?.ok, false);
    assert.match(refused.message, /^Cannot offer a terminal without a token/);
    assert.match(refused.hint ?? "", /--auth-token-file .*--insecure-bind/);
    const endpoint = { bind: "127.0.0.1", port: 0, authToken: undefined, insecureBind: true };
    const waived = await checked(folder, "endpoint", { terminalIds, endpoint });
    assert.equal(waived?.ok, true);
    assert.match(waived.message, /without a token, a shell for whoever connects$/);
  });
});

Deno.test("checkNode() names the flag that a service in a library needs", async () => {
  await inFolder(async (folder) => {
    const manifest = { service_id: "lib", kind: "echo", runtime: { type: "native_inproc", library_path: "lib.so" } };
    await writeFile(join(folder, "lib.json"), JSON.stringify(manifest));
    const refused = await checked(folder, "libraries");
    assert.equal(refused?.ok, false);
    assert.match(refused.message, /^Cannot run service "lib": it is in a library/);
    assert.match(refused.hint ?? "", /--allow-inproc/);
    assert.equal((await checked(folder, "libraries", {}, true))?.ok, true);
    await writeFile(join(folder, "lib.json"), JSON.stringify({ ...manifest, enabled: false }));
    assert.equal(await checked(folder, "libraries"), undefined);
  });
});

Deno.test("checkNode() says that a port is taken, its own or that of the numbers", async () => {
  await inFolder(async (folder) => {
    const server = createServer();
    const port = await new Promise<number>((resolve) =>
      server.listen(0, "127.0.0.1", () => resolve(Number(Reflect.get(server.address() ?? {}, "port"))))
    );
    const endpoint = { bind: "127.0.0.1", port, authToken: undefined };
    const taken = await checked(folder, "endpoint", { endpoint });
    assert.equal(taken?.ok, false);
    assert.match(taken.message, new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${port}: `));
    const numbers = await checked(folder, "metrics", {}, false, { bind: "127.0.0.1", port });
    assert.equal(numbers?.ok, false);
    assert.match(numbers.hint ?? "", /--metrics-port/);
    await new Promise((resolve) => server.close(resolve));
    assert.equal((await checked(folder, "endpoint", { endpoint }))?.ok, true);
    assert.equal((await checked(folder, "metrics", {}, false, { bind: "127.0.0.1", port }))?.ok, true);
    assert.equal(await checked(folder, "metrics"), undefined);
  });
});
