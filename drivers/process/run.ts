/**
 * Runs a program to its end: feeds it, reads it, limits it, and leaves nothing
 * of it behind.
 *
 * ```ts
 * import process from "node:process";
 * import { systemClock } from "./clock.ts";
 * import { runProgram } from "./run.ts";
 *
 * const result = await runProgram({
 *   file: "/bin/cat",
 *   args: [],
 *   cwd: process.cwd(),
 *   env: {},
 *   stdin: new TextEncoder().encode("{}"),
 *   timeoutMs: 5_000,
 *   maxOutputBytes: 1_048_576,
 *   signal: new AbortController().signal,
 *   clock: systemClock,
 * });
 * if (result.end !== "exit") throw new Error(`Cannot run "cat": ${result.detail}`);
 * ```
 *
 * @module
 */

import type { CancelTimer, Clock } from "./clock.ts";
import { currentOs, type Stray } from "./os.ts";
import { Capture } from "./pump.ts";
import { type ProgramExit, type StartedProgram, type StartOptions, startProgram } from "./spawn.ts";

/** What to run, and within which limits. */
export interface RunOptions extends StartOptions {
  /** What it reads from standard input. */
  readonly stdin: Uint8Array;
  /** How long it may run, in milliseconds. */
  readonly timeoutMs: number;
  /** Limit of each output, in bytes. */
  readonly maxOutputBytes: number;
  /** What happens beyond the limit: the program is ended, or goes on and what it writes is dropped. @default {"end"} */
  readonly overflow?: "end" | "drop";
  /** Ends the run when it fires. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** A program that was started like this before and waits on its standard input; otherwise one is started. */
  readonly program?: StartedProgram | undefined;
  /** When the run began, as `clock.monotonic` tells it. @default {now} */
  readonly began?: number;
}

/**
 * Why a run ended: by itself (`exit`, `signal`), by us, or it never began
 * (`launch`). Of two reasons that meet, the first counts.
 */
export type RunEnd = "exit" | "signal" | "timeout" | "cancelled" | "output_limit" | "launch";

/** How a run ended. */
export interface RunResult {
  readonly end: RunEnd;
  /** Exit code; -1 where there is none. */
  readonly exitCode: number;
  /** Name of the signal, or the reason why it could not be started; otherwise the same as `end`. */
  readonly detail: string;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  /** What it started that has left its group and goes on, as far as that can be found. */
  readonly strays: readonly Stray[];
  /** As in `StartedProgram`. */
  readonly mark?: string | undefined;
  /** How many bytes it wrote to each, those beyond the limit included. */
  readonly written: { readonly stdout: number; readonly stderr: number };
  /** From the call to the end, in whole milliseconds. */
  readonly durationMs: number;
}

/** For how long a program may keep its outputs in its pipes, which hold 64 KiB, in milliseconds. */
const BRIEF_MS = 4;

/** What ended a run that did not end by itself. */
type Forced = "timeout" | "cancelled" | "output_limit";

/**
 * How long a run is waited for once its program has ended or was killed, in
 * milliseconds. It is usually over within one; a process that left the group
 * and holds the pipes, or one that hangs in the kernel, must not hold us.
 */
const LINGER_MS = 1_000;

/**
 * How often is looked who holds the pipes of a program that has ended, in
 * milliseconds. Once nothing comes any more and something outside of its group
 * holds them, the run is over.
 */
const LOOK_MS = 100;

/**
 * Runs a program.
 *
 * Always resolves, within a second after the program has ended or was ended,
 * and then its group is gone. The limits are those of `options`; when one is
 * passed the whole group is killed and what was read until then is kept. What
 * the program leaves running in its group is killed when the program ends, so
 * it cannot prolong the run.
 */
export async function runProgram(options: RunOptions): Promise<RunResult> {
  const { began = options.clock.monotonic(), clock } = options;
  const outcome = await new Run(options).toTheEnd(began);
  return { ...outcome, durationMs: Math.round(clock.monotonic() - began) };
}

class Run {
  readonly #options: RunOptions;
  readonly #linger = Promise.withResolvers<void>();
  #stopLingering: CancelTimer | undefined;
  #stopLooking: CancelTimer | undefined;
  /** How many bytes were read so far. */
  #heard = () => 0;
  #program: StartedProgram | undefined;
  #forced: Forced | undefined;
  #exit: ProgramExit | undefined;
  #strays: readonly Stray[] = [];

  constructor(options: RunOptions) {
    this.#options = options;
  }

  async toTheEnd(began: number): Promise<Omit<RunResult, "durationMs">> {
    const { clock, os = currentOs, program: waiting, signal, timeoutMs } = this.#options;
    if (signal.aborted) {
      if (waiting !== undefined) {
        os.killTree(waiting.pid);
        await waiting.exited;
        waiting.release();
      }
      return { ...withoutOutput, end: "cancelled", detail: "cancelled" };
    }
    // Before anything is waited for: the time runs from the call.
    const stopDeadline = clock.after(timeoutMs - (clock.monotonic() - began), () => this.#end("timeout"));
    const cancel = () => this.#end("cancelled");
    signal.addEventListener("abort", cancel);
    try {
      const program = this.#options.program ?? await startProgram(this.#options);
      if (!program.started) return { ...withoutOutput, end: "launch", detail: program.reason };
      return await this.#seeToTheEnd(program);
    } finally {
      signal.removeEventListener("abort", cancel);
      stopDeadline();
      this.#stopLingering?.();
      this.#stopLooking?.();
    }
  }

  async #seeToTheEnd(program: StartedProgram): Promise<Omit<RunResult, "durationMs">> {
    const { maxOutputBytes, overflow = "end", stdin } = this.#options;
    const onFull = () => {
      if (overflow === "end") this.#end("output_limit");
    };
    this.#program = program;
    if (this.#forced !== undefined) this.#kill(program);
    const stdout = new Capture(maxOutputBytes, onFull);
    const stderr = new Capture(maxOutputBytes, onFull);
    this.#heard = () => stdout.size + stderr.size;
    program.feed(stdin);
    const exited = program.exited.then((exit) => this.#leave(program, exit));
    if (!await this.#isBrief(program, exited, stdout, stderr)) {
      const read = [stdout.from(program.stdout), stderr.from(program.stderr)];
      const outlived = exited.then(() => this.#outlive(program));
      await Promise.race([Promise.all([outlived, ...read]), this.#linger.promise]);
    }
    program.release();
    const written = { stdout: stdout.total, stderr: stderr.total };
    return {
      ...this.#outcome(),
      stdout: stdout.bytes(),
      stderr: stderr.bytes(),
      strays: this.#strays,
      mark: program.mark,
      written,
    };
  }

  /**
   * Waits a moment for the end of a program and then reads what it has left in
   * its pipes; false when it has not ended or there is more to come. Most runs
   * are that short and say little, and streams would cost them more than all else.
   */
  async #isBrief(
    program: StartedProgram,
    exited: Promise<void>,
    stdout: Capture,
    stderr: Capture,
  ): Promise<boolean> {
    if (program.readNow === undefined) return false;
    const { promise: enough, resolve } = Promise.withResolvers<void>();
    // Not the clock of the run: nothing that anybody sees hangs on it.
    const timer = setTimeout(resolve, BRIEF_MS);
    await Promise.race([exited, enough]);
    clearTimeout(timer);
    return this.#exit !== undefined && program.readNow(stdout, stderr);
  }

  /** Ends the run, unless it has ended or is being ended: the first reason counts. */
  #end(reason: Forced): void {
    // Once it has exited, its pid may be another's.
    if (this.#forced !== undefined || this.#exit !== undefined) return;
    this.#forced = reason;
    if (this.#program !== undefined) this.#kill(this.#program);
  }

  #kill(program: StartedProgram): void {
    const { os = currentOs } = this.#options;
    // Looked for first: once it is gone, nothing tells who its children were.
    this.#strays = os.straysOf(program.pid);
    os.killTree(program.pid);
    this.#startLingering();
  }

  #leave(program: StartedProgram, exit: ProgramExit): void {
    const { os = currentOs } = this.#options;
    this.#exit = exit;
    if (program.killLeftovers === undefined) os.killLeftovers(program.pid);
    else program.killLeftovers();
  }

  /** Sees to it that what holds the pipes of a program that has ended does not hold us. */
  #outlive(program: StartedProgram): void {
    this.#startLingering();
    this.#lookForHolders(program, this.#heard());
  }

  #lookForHolders(program: StartedProgram, heard: number): void {
    const { clock, os = currentOs } = this.#options;
    this.#stopLooking = clock.after(LOOK_MS, () => {
      const holders = this.#heard() === heard ? os.holdersOf(program.pipes()) : [];
      if (holders.length === 0) return this.#lookForHolders(program, this.#heard());
      const known = new Set(this.#strays.map(({ pid }) => pid));
      this.#strays = [...this.#strays, ...holders.filter(({ pid }) => !known.has(pid))];
      this.#linger.resolve();
    });
  }

  #startLingering(): void {
    this.#stopLingering ??= this.#options.clock.after(LINGER_MS, this.#linger.resolve);
  }

  #outcome(): Pick<RunResult, "end" | "exitCode" | "detail"> {
    if (this.#forced !== undefined) return { end: this.#forced, exitCode: -1, detail: this.#forced };
    if (this.#exit?.signal) return { end: "signal", exitCode: -1, detail: this.#exit.signal };
    return { end: "exit", exitCode: this.#exit?.code ?? -1, detail: "exit" };
  }
}

const withoutOutput = {
  exitCode: -1,
  stdout: new Uint8Array(),
  stderr: new Uint8Array(),
  strays: [],
  written: { stdout: 0, stderr: 0 },
} as const;
