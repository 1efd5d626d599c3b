/**
 * How long a program takes to do a call, in each of the ways in which
 * native_proc has it done, beside the least that C needs to start it.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { createNativeProcDriver, type Driver, nativeProcConfig } from "../drivers/mod.ts";
import { systemClock } from "../drivers/process/mod.ts";
import { type Bench, type Contender, type Field, median } from "./harness.ts";

const PEER = "C posix_spawn, one after the other";
const PEERS = fileURLToPath(new URL("./peers/", import.meta.url));
/** About 200 bytes in and out. */
const PAYLOAD = `{"text":"${"x".repeat(188)}"}`;
const CALLS = 300;
const IN_FLIGHT = 32;
/** Long enough for a pool to be full again. */
const PAUSE_MS = 10;

const drivers: Driver[] = [];
let folder: string | undefined;

/** Calls a second. */
export const nativeProcRate: Bench = {
  name: "native_proc_rate",
  unit: "/s",
  rounds: 7,
  cleanUp,
  prepare: () =>
    Promise.resolve(prepare(({ peer, driver }) => {
      const spawn = driver({});
      const pool = driver({ pool: 8 });
      const persistent = driver({ mode: "persistent" });
      return [
        { name: PEER, measure: () => Promise.resolve(peer().per_s) },
        { name: "a process for each call", measure: () => rate(spawn, CALLS, 1) },
        { name: "a process for each call, 4 at a time", measure: () => rate(spawn, CALLS, 4) },
        { name: "a waiting process for each call", measure: () => rate(pool, CALLS, 1) },
        { name: "one process, one call at a time", measure: () => rate(persistent, 3_000, 1) },
        { name: `one process, ${IN_FLIGHT} calls at a time`, measure: () => rate(persistent, 30_000, IN_FLIGHT) },
      ];
    })),
};

/** How long a call takes, in the median. */
export const nativeProcLatency: Bench = {
  name: "native_proc_latency",
  unit: "ms",
  rounds: 7,
  cleanUp,
  prepare: () =>
    Promise.resolve(prepare(({ peer, driver }) => {
      const spawn = driver({});
      const pool = driver({ pool: 8 });
      const persistent = driver({ mode: "persistent" });
      return [
        { name: PEER, measure: () => Promise.resolve(peer().p50_us / 1_000) },
        { name: "a process for each call", measure: () => latency(spawn, CALLS) },
        { name: "a waiting process for each call, without a pause", measure: () => latency(pool, CALLS) },
        {
          name: `a waiting process for each call, ${PAUSE_MS} ms after 4 calls`,
          measure: () => latency(pool, CALLS, 4),
        },
        { name: "one process", measure: () => latency(persistent, 3_000) },
      ];
    })),
};

/** What the contenders are made of. */
interface Makers {
  /** Runs the peer once. */
  readonly peer: () => { readonly p50_us: number; readonly per_s: number };
  readonly driver: (more: Record<string, unknown>) => Driver;
}

function prepare(contenders: (makers: Makers) => readonly Contender[]): Field | string {
  folder = mkdtempSync(join(tmpdir(), "zss-bench-"));
  const build = (name: string) => {
    const file = join(folder ?? "", name);
    execFileSync("cc", ["-O2", "-o", file, join(PEERS, `${name}.c`)], { stdio: "pipe" });
    return file;
  };
  let echo: string, lines: string, posixSpawn: string;
  try {
    [echo, lines, posixSpawn] = [build("echo"), build("echo_lines"), build("posix_spawn")];
  } catch (error) {
    return `the peer cannot be built: ${error instanceof Error ? error.message : error}`;
  }
  return {
    peer: PEER,
    contenders: contenders({
      peer: () => JSON.parse(execFileSync(posixSpawn, [echo, `${CALLS}`, PAYLOAD], { encoding: "utf8" })),
      driver(more) {
        const executable_path = more["mode"] === "persistent" ? lines : echo;
        const config = nativeProcConfig.parse({ type: "native_proc", executable_path, ...more });
        const driver = createNativeProcDriver(config, { clock: systemClock, cwd: "/", env: process.env });
        drivers.push(driver);
        return driver;
      },
    }),
    notes: [`${PAYLOAD.length} bytes in and out of the same program, built from bench/peers`],
  };
}

async function cleanUp(): Promise<void> {
  await Promise.all(drivers.splice(0).map((driver) => driver.close()));
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  folder = undefined;
}

const payload = new TextEncoder().encode(PAYLOAD);
const { signal } = new AbortController();
let calls = 0;

async function call(driver: Driver): Promise<void> {
  const result = await driver.invoke({ call_id: `c-${calls++}`, payload, timeout_ms: 30_000, signal });
  if (!result.ok) throw new Error(`Cannot measure: ${result.message}`);
  if (result.stdout.length !== payload.length) throw new Error("Cannot measure: the echo is not the payload");
}

async function rate(driver: Driver, times: number, atATime: number): Promise<number> {
  const began = performance.now();
  let left = times;
  const worker = async () => {
    while (left-- > 0) await call(driver);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return times / (performance.now() - began) * 1_000;
}

/** @param burst After so many calls comes a pause, which does not count; none without it. */
async function latency(driver: Driver, times: number, burst?: number): Promise<number> {
  const took: number[] = [];
  for (let index = 0; index < times; index++) {
    if (burst !== undefined && index % burst === 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const began = performance.now();
    await call(driver);
    took.push(performance.now() - began);
  }
  return median(took);
}
