/**
 * The driver that has a program do the work: one process for each invocation,
 * already waiting where the manifest wants that, or one process for all.
 *
 * The payload is the program's standard input; what it writes to standard
 * output is the result, to standard error the reason when it fails. It gets a
 * clean environment: never a token of the node. There is no shell between.
 *
 * The bare name `zss` means the running program, so the reference drivers work
 * wherever it is installed. It starts as a helper, which can be nothing but
 * `zss driver <name>`; `args` therefore begin with `driver`, as typed in a shell.
 *
 * ```ts
 * import process from "node:process";
 * import { systemClock } from "../process/clock.ts";
 * import { nativeProcConfig } from "./config.ts";
 * import { createNativeProcDriver } from "./native_proc.ts";
 *
 * const config = nativeProcConfig.parse({ type: "native_proc", executable_path: "cat" });
 * const driver = createNativeProcDriver(config, { clock: systemClock, cwd: process.cwd(), env: process.env });
 * ```
 *
 * Source: docs/driver_abi.md.
 *
 * @module
 */

import type { Driver, HealthReport, Invocation, InvokeResult } from "../driver.ts";
import type { Clock } from "../process/clock.ts";
import { holdPosixSpawn } from "../process/posix_spawn.ts";
import { runProgram } from "../process/run.ts";
import { type StrayFinder, strayFinder } from "../process/stray_finder.ts";
import type { NativeProcConfig } from "./config.ts";
import { cancelledMessage, failure, outcomeOf } from "./outcome.ts";
import { PersistentDriver } from "./persistent.ts";
import { type NativeProcDeps, Program } from "./program.ts";
import { WarmPool } from "./warm_pool.ts";

export type { NativeProcDeps } from "./program.ts";

/** How many runs of one service may be under way when its manifest does not say. */
const CONCURRENCY = 4;

/** Makes the driver of one service. The program is looked for at each run, so it may be installed or replaced later. */
export function createNativeProcDriver(config: NativeProcConfig, deps: NativeProcDeps): Driver {
  const program = new Program(config, deps);
  if (config.mode === "persistent") return new PersistentDriver(config, program, deps.clock);
  return new NativeProcDriver(config, program, deps.clock);
}

class NativeProcDriver implements Driver {
  readonly runtime = "native_proc";
  readonly concurrency: number;
  readonly #config: NativeProcConfig;
  readonly #program: Program;
  readonly #clock: Clock;
  readonly #pool: WarmPool | undefined;
  readonly #finder: StrayFinder;
  readonly #closing = new AbortController();
  #letGo: (() => void) | undefined;
  readonly #running = new Set<Promise<unknown>>();

  constructor(config: NativeProcConfig, program: Program, clock: Clock) {
    this.#config = config;
    this.#program = program;
    this.#clock = clock;
    this.#finder = strayFinder(clock, program.os);
    this.concurrency = config.concurrency ?? CONCURRENCY;
    if (config.pool > 0) {
      this.#letGo = holdPosixSpawn();
      this.#pool = new WarmPool({
        size: config.pool,
        name: config.executable_path,
        clock,
        os: program.os,
        ready: () => program.ready(),
      });
    }
  }

  async invoke(invocation: Invocation): Promise<InvokeResult> {
    const run = this.#run(invocation);
    this.#running.add(run);
    try {
      return await run;
    } finally {
      this.#running.delete(run);
      this.#pool?.refill();
    }
  }

  async health(): Promise<HealthReport> {
    const ready = await this.#program.ready();
    if ("problem" in ready) return { state: "offline", detail: ready.problem };
    const problem = this.#pool?.problem();
    return problem === undefined ? { state: "online", detail: null } : { state: "degraded", detail: problem };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#finder.forget(this);
    await Promise.all([...this.#running, this.#pool?.close()]);
    this.#letGo?.();
  }

  async #run({ payload, timeout_ms, signal }: Invocation): Promise<InvokeResult> {
    const ends = AbortSignal.any([signal, this.#closing.signal]);
    const began = this.#clock.monotonic();
    const ready = await this.#program.ready();
    if (ends.aborted) return failure("cancelled", cancelledMessage(this.#config.executable_path));
    if ("problem" in ready) return failure("launch", ready.problem);
    this.#letGo ??= holdPosixSpawn();
    const run = await runProgram({
      ...ready.start,
      program: this.#pool?.take(ready.stamp) ?? await this.#pool?.takeNext(ready.stamp),
      began,
      stdin: payload,
      timeoutMs: timeout_ms,
      maxOutputBytes: this.#config.max_output_bytes,
      signal: ends,
      clock: this.#clock,
    });
    const result = outcomeOf(run, timeout_ms, this.#config);
    if (run.mark === undefined || this.#closing.signal.aborted) return result;
    return { ...result, lateStrays: this.#finder.find(run.mark, this) };
  }
}
