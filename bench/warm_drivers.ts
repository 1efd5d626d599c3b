/**
 * What a call of a warm driver costs: a shared library and a WebAssembly
 * module, beside a C program that starts a program for each call.
 *
 * Every contender echoes the same payload; a call that does not give it back
 * ends the bench.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Driver, driverMaker } from "../drivers/mod.ts";
import { systemClock } from "../drivers/process/mod.ts";
import type { Bench, Contender } from "./harness.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const PAYLOAD_BYTES = 200;
const CALLS = 500;

const driversOpen: Driver[] = [];
const folders: string[] = [];

/** The median of a call, in milliseconds; the goal is a quarter of the peer's. */
export const warmDrivers: Bench = {
  name: "warm-drivers",
  unit: "ms",
  rounds: 7,
  prepare() {
    const folder = mkdtempSync(join(tmpdir(), "zss-bench-"));
    folders.push(folder);
    const at = (name: string) => join(folder, name);
    try {
      compile("cc", ["-O2", "-o", at("peer"), "bench/posix_spawn_peer.c"]);
      compile("cc", ["-O2", "-shared", "-fPIC", "-o", at("echo.so"), "examples/drivers/echo_inproc.c"]);
      const wasm = ["--target=wasm32-wasi", "-O2"];
      compile("clang", [...wasm, "-o", at("echo.wasm"), "examples/drivers/echo_wasm.c"]);
      compile("clang", [
        ...[...wasm, "-mexec-model=reactor"],
        ...["-o", at("pair.wasm"), "examples/drivers/echo_wasm_pair.c"],
      ]);
    } catch (error) {
      return Promise.resolve(`no C compiler for this: ${error instanceof Error ? error.message : error}`);
    }
    return Promise.resolve({
      peer: "C posix_spawn",
      contenders: [
        { name: "C posix_spawn", measure: () => Promise.resolve(peer(at("peer"))) },
        contender("native_inproc", { type: "native_inproc", library_path: at("echo.so") }),
        contender("wasm, WASI", { type: "wasm", module_path: at("echo.wasm") }),
        contender("wasm, pair of functions", { type: "wasm", module_path: at("pair.wasm") }),
      ],
      notes: [`median of ${CALLS} calls one after the other, ${PAYLOAD_BYTES} bytes in and out`],
    });
  },
  async cleanUp() {
    await Promise.all(driversOpen.splice(0).map((driver) => driver.close()));
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  },
};

function compile(file: string, args: readonly string[]): void {
  execFileSync(file, [...args], { cwd: ROOT, stdio: "pipe" });
}

function peer(program: string): number {
  const printed = execFileSync(program, [String(CALLS), String(PAYLOAD_BYTES)], { encoding: "utf8" });
  return Number(printed.split(" ")[0]) / 1_000;
}

function contender(
  name: string,
  runtime: { readonly type: "native_inproc" | "wasm"; readonly [member: string]: unknown },
): Contender {
  const deps = { clock: systemClock, cwd: ROOT, env: process.env, allowInproc: true };
  const driver = driverMaker(runtime, deps)?.();
  if (driver === undefined) throw new Error(`Cannot measure "${name}": it names nothing to run`);
  driversOpen.push(driver);
  const payload = new TextEncoder().encode(`{"text":"${"x".repeat(PAYLOAD_BYTES - 11)}"}`);
  const { signal } = new AbortController();
  const call = async () => {
    const began = performance.now();
    const result = await driver.invoke({ call_id: "c-1", payload, timeout_ms: 30_000, signal });
    const took = performance.now() - began;
    if (!result.ok || result.stdout.length !== payload.length) throw new Error(`Cannot measure "${name}": it failed`);
    return took;
  };
  return {
    name,
    async measure() {
      await call();
      const took: number[] = [];
      for (let count = 0; count < CALLS; count++) took.push(await call());
      return took.sort((a, b) => a - b)[Math.floor(CALLS / 2)] ?? NaN;
    },
  };
}
