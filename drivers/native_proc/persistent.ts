/**
 * The driver whose one process does all calls.
 *
 * It starts the process at once, starts it anew when it ends, sooner or later
 * (restart_delay.ts), and replaces it when its file has changed or when it does
 * not answer a call that is overdue. A process that is replaced still answers
 * the calls that it has.
 *
 * @module
 */

import type { Driver, HealthReport, Invocation, InvokeResult } from "../driver.ts";
import type { CancelTimer, Clock } from "../process/clock.ts";
import { holdPosixSpawn } from "../process/posix_spawn.ts";
import { startProgram } from "../process/spawn.ts";
import type { NativeProcConfig } from "./config.ts";
import { cancelledMessage, failure, timeoutMessage } from "./outcome.ts";
import { PersistentProcess } from "./persistent_process.ts";
import type { Program, Unready } from "./program.ts";
import { restartDelayMs } from "./restart_delay.ts";

/** How many calls of one service may be under way when its manifest does not say. */
const CONCURRENCY = 32;

/** How old the knowledge that a file has not changed may be, in milliseconds. */
const LOOK_MS = 1_000;

interface Current {
  readonly process: PersistentProcess;
  readonly stamp: string;
  lookedAt: number;
}

/** Sends every call to one process. */
export class PersistentDriver implements Driver {
  readonly runtime = "native_proc";
  readonly concurrency: number;
  readonly #config: NativeProcConfig;
  readonly #program: Program;
  readonly #clock: Clock;
  readonly #letGo = holdPosixSpawn();
  readonly #processes = new Set<PersistentProcess>();
  #current: Current | undefined;
  #starting: Promise<Current | Unready> | undefined;
  #restart: { readonly at: number; readonly cancel: CancelTimer } | undefined;
  #isClosed = false;
  /** How often in a row it has ended without an answer. */
  #ends = 0;
  #lastEnd = "";

  constructor(config: NativeProcConfig, program: Program, clock: Clock) {
    this.#config = config;
    this.#program = program;
    this.#clock = clock;
    this.concurrency = config.concurrency ?? CONCURRENCY;
    this.#start();
  }

  async invoke(invocation: Invocation): Promise<InvokeResult> {
    const began = this.#clock.monotonic();
    const current = this.#fresh() ?? await this.#anew();
    const name = this.#config.executable_path;
    if (invocation.signal.aborted || this.#isClosed) return failure("cancelled", cancelledMessage(name));
    if ("problem" in current) return failure("launch", current.problem);
    if (this.#clock.monotonic() - began >= invocation.timeout_ms) {
      return failure("timeout", timeoutMessage(name, invocation.timeout_ms));
    }
    return await current.process.call(invocation, began);
  }

  async health(): Promise<HealthReport> {
    const ready = await this.#program.ready();
    if ("problem" in ready) return { state: "offline", detail: ready.problem };
    if (this.#restart !== undefined) return { state: "offline", detail: this.#waits(this.#restart.at) };
    const trouble = this.#current?.process.trouble;
    return trouble === undefined ? { state: "online", detail: null } : { state: "degraded", detail: trouble };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#restart?.cancel();
    this.#restart = undefined;
    await this.#starting;
    await Promise.all([...this.#processes].map((process) => process.end()));
    this.#letGo();
  }

  /** The process, if it is known to be the right one. */
  #fresh(): Current | undefined {
    const current = this.#current;
    if (current === undefined || current.process.hasExited) return undefined;
    return this.#clock.monotonic() - current.lookedAt < LOOK_MS ? current : undefined;
  }

  /** The process after a look at its file, or a new one. */
  async #anew(): Promise<Current | Unready> {
    if (this.#current?.process.hasExited) await this.#current.process.ended;
    const current = this.#current;
    if (current === undefined) {
      return this.#restart === undefined ? await this.#start() : { problem: this.#waits(this.#restart.at) };
    }
    const ready = await this.#program.ready();
    if ("problem" in ready) return ready;
    if (ready.stamp !== current.stamp) this.#replace(current.process);
    else current.lookedAt = this.#clock.monotonic();
    return this.#current ?? await this.#start();
  }

  #start(): Promise<Current | Unready> {
    this.#starting ??= this.#startOne().finally(() => this.#starting = undefined);
    return this.#starting;
  }

  async #startOne(): Promise<Current | Unready> {
    const ready = await this.#program.ready();
    if ("problem" in ready) return ready;
    // What is closed at once, as that of a service which is off, starts nothing.
    if (this.#isClosed) return { problem: cancelledMessage(this.#config.executable_path) };
    const program = await startProgram(ready.start);
    const name = this.#config.executable_path;
    if (!program.started) {
      return { problem: `Cannot start "${name}": ${program.reason}; correct the runtime of its manifest` };
    }
    const process: PersistentProcess = new PersistentProcess(program, {
      config: this.#config,
      clock: this.#clock,
      os: this.#program.os,
      onStuck: () => this.#replace(process),
      onEnd: (how) => this.#ended(process, how),
    });
    this.#processes.add(process);
    this.#current = { process, stamp: ready.stamp, lookedAt: this.#clock.monotonic() };
    return this.#current;
  }

  /** Lets a process answer what it has, and sends it nothing more. */
  #replace(process: PersistentProcess): void {
    process.retire();
    if (this.#current?.process !== process) return;
    this.#current = undefined;
    if (!this.#isClosed) this.#start();
  }

  #ended(process: PersistentProcess, how: string): void {
    this.#processes.delete(process);
    if (this.#current?.process !== process) return;
    this.#current = undefined;
    this.#ends = process.hasAnswered ? 1 : this.#ends + 1;
    this.#lastEnd = how;
    if (this.#isClosed) return;
    const delay = restartDelayMs(this.#ends);
    if (delay === 0) {
      this.#start();
      return;
    }
    const cancel = this.#clock.after(delay, () => {
      this.#restart = undefined;
      this.#start();
    });
    this.#restart = { at: this.#clock.monotonic() + delay, cancel };
  }

  #waits(restartAt: number): string {
    const wait = Math.max(0, Math.ceil(restartAt - this.#clock.monotonic()));
    return `${this.#lastEnd}, ${this.#ends} times in a row without an answer; it is started again in ${wait} ms`;
  }
}
