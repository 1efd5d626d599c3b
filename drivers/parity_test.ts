/**
 * The kinds of driver that run something give the same answer to the same call.
 *
 * @module
 */

import assert from "node:assert/strict";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { buildLibrary, buildModule, noLibraries, noModules, pathOf, testFolder } from "./c_fixture_test.ts";
import { driverFactories, driverMaker } from "./mod.ts";
import { systemClock } from "./process/mod.ts";

const reason = noLibraries ?? noModules;
const ignore = reason !== undefined;
const why = ignore ? ` (ignored: ${reason})` : "";

Deno.test({
  name: `runtime invoke parity across native_proc native_inproc wasm${why}`,
  ignore,
  async fn() {
    const folder = testFolder();
    cpSync(pathOf("examples/drivers"), join(folder, "examples", "drivers"), { recursive: true });
    const built = (name: string) => join(folder, "examples", "drivers", name);
    buildLibrary("examples/drivers/echo_inproc.c", built("echo_inproc.so"));
    buildModule("examples/drivers/echo_wasm.c", built("echo_wasm.wasm"));
    buildModule("examples/drivers/echo_wasm_pair.c", built("echo_wasm_pair.wasm"), "-mexec-model=reactor");
    const runtimes = [
      { type: "native_proc", executable_path: "cat" },
      runtimeOf("examples/services.d/echo-inproc.json"),
      runtimeOf("examples/services.d/echo-wasm.json"),
      { type: "wasm", module_path: "examples/drivers/echo_wasm_pair.wasm" },
    ] as const;
    const payload = new TextEncoder().encode('{"text":"grüße","n":[1,2.50,"\\u0000"],"deep":{"a":null}}');
    for (const runtime of runtimes) {
      const deps = { clock: systemClock, cwd: folder, env: process.env, allowInproc: true };
      const driver = driverMaker(runtime, deps)?.();
      assert.ok(driver !== undefined);
      assert.equal(driver.runtime, runtime.type);
      const { signal } = new AbortController();
      const result = await driver.invoke({ call_id: "c-1", payload, timeout_ms: 30_000, signal });
      assert.deepEqual([result.ok, result.exit_code, result.stderr.length], [true, 0, 0], JSON.stringify(result));
      assert.deepEqual([...result.stdout], [...payload]);
      await driver.close();
    }
  },
});

function runtimeOf(manifest: string): { readonly type: "native_inproc" | "wasm"; readonly [member: string]: unknown } {
  return JSON.parse(readFileSync(pathOf(manifest), "utf8")).runtime;
}

Deno.test("driverMaker() makes nothing of a runtime that names nothing to run", () => {
  const deps = { clock: systemClock, cwd: "/", env: {} };
  for (const type of ["native_proc", "native_inproc", "wasm", "builtin"] as const) {
    assert.equal(driverMaker({ type }, deps), undefined);
  }
  assert.deepEqual(Object.keys(driverFactories), ["native_proc", "native_inproc", "wasm"]);
});
