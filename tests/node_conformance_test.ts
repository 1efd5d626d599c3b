/**
 * What the reference's own tests ask of a node's command line and manifests, under their own names; those of its
 * services, drivers and folders stand beside the code they are about.
 *
 * `runtime validator rejects unknown runtime type` and its neighbours are lint findings here, each with its place.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadManifests } from "../runtime/manifest/mod.ts";
import { zss } from "./e2e/program.ts";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "zss-conformance-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const run = (...args: string[]) => zss(["node", "run", "--control-url", "ws://127.0.0.1:1", ...args]);

Deno.test("conformance: parsePairMode accepts invite and request", async () => {
  for (const mode of ["invite", "request"]) {
    const checked = await run(
      "--check",
      "--pair-mode",
      mode,
      "--invite-token",
      "inv-1",
      "--state-file",
      "/tmp/none.json",
    );
    assert.equal(checked.code, 0, checked.stderr);
  }
  const refused = await run("--pair-mode", "guess");
  assert.deepEqual([refused.code, /invite.*request/.test(refused.stderr)], [2, true], refused.stderr);
});

Deno.test("conformance: parseLabelArg validates key-value format", async () => {
  for (const label of ["missing", "=empty", "empty="]) {
    const refused = await run("--label", label);
    assert.deepEqual([refused.code, /--label/.test(refused.stderr)], [2, true], refused.stderr);
  }
});

Deno.test("conformance: loads wasm non-fs service and creates runtime namespace export", () =>
  inFolder(async (folder) => {
    const file = join(folder, "pdf.json");
    const runtime = { type: "wasm", module_path: "no/such/module.wasm" };
    await writeFile(file, JSON.stringify({ service_id: "pdf", kind: "pdf", runtime }));
    const { services, findings } = loadManifests({ files: [file], dirs: [], nodeId: "node-1", reserved: [] });
    assert.deepEqual([services.length, findings.filter(({ severity }) => severity === "error")], [1, []]);
    assert.equal(services[0]?.service.runtime.type, "wasm");
  }));

Deno.test("conformance: runtime validator rejects unsupported native_inproc abi marker", () =>
  inFolder(async (folder) => {
    const file = join(folder, "lib.json");
    const runtime = { type: "native_inproc", abi: "somebody-elses-abi", library_path: "./lib.so" };
    await writeFile(file, JSON.stringify({ service_id: "lib", kind: "lib", runtime }));
    const { services, findings } = loadManifests({ files: [file], dirs: [], nodeId: "node-1", reserved: [] });
    assert.deepEqual([services.length, findings.map(({ path }) => path)], [0, ["/runtime/abi"]]);
  }));
