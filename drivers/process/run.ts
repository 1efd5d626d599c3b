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
import { currentOs } from "./os.ts";
import { Capture, feed } from "./pump.ts";
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
  /** How many bytes it wrote to each, those beyond the limit included. */
  readonly written: { readonly stdout: number; readonly stderr: number };
  /** From the call to the end, in whole milliseconds. */
  readonly durationMs: number;
}

/** What ended a run that did not end by itself. */
type Forced = "timeout" | "cancelled" | "output_limit";

/**
 * How long a run is waited for once its program has ended or was killed, in
 * milliseconds. It is usually over within one; a process that left the group
 * and holds the pipes, or one that hangs in the kernel, must not hold us.
 */
const LINGER_MS = 1_000;

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
  const began = options.clock.monotonic();
  const run = await new Run(options).toTheEnd();
  return { ...run, durationMs: Math.round(options.clock.monotonic() - began) };
}

class Run {
  readonly #options: RunOptions;
  readonly #linger = Promise.withResolvers<void>();
  #stopLingering: CancelTimer | undefined;
  #program: StartedProgram | undefined;
  #forced: Forced | undefined;
  #exit: ProgramExit | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  async toTheEnd(): Promise<Omit<RunResult, "durationMs">> {
    const { clock, signal, timeoutMs } = this.#options;
    if (signal.aborted) return { ...withoutOutput, end: "cancelled", detail: "cancelled" };
    // Before anything is waited for: the time runs from the call.
    const stopDeadline = clock.after(timeoutMs, () => this.#end("timeout"));
    const cancel = () => this.#end("cancelled");
    signal.addEventListener("abort", cancel);
    try {
      const program = await startProgram(this.#options);
      if (!program.started) return { ...withoutOutput, end: "launch", detail: program.reason };
      return await this.#seeToTheEnd(program);
    } finally {
      signal.removeEventListener("abort", cancel);
      stopDeadline();
      this.#stopLingering?.();
    }
  }

  async #seeToTheEnd(program: StartedProgram): Promise<Omit<RunResult, "durationMs">> {
    const { maxOutputBytes, overflow = "end", stdin } = this.#options;
    const onFull = () => {
      if (overflow === "end") this.#end("output_limit");
    };
    this.#program = program;
    if (this.#forced !== undefined) this.#kill(program);
    const exited = program.exited.then((exit) => this.#leave(program, exit));
    const stdout = new Capture(program.stdout, maxOutputBytes, onFull);
    const stderr = new Capture(program.stderr, maxOutputBytes, onFull);
    feed(program.stdin, stdin);
    await Promise.race([Promise.all([exited, stdout.ended, stderr.ended]), this.#linger.promise]);
    for (const stream of [program.stdin, program.stdout, program.stderr]) stream.destroy();
    const written = { stdout: stdout.total, stderr: stderr.total };
    return { ...this.#outcome(), stdout: stdout.bytes(), stderr: stderr.bytes(), written };
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
    os.killTree(program.pid);
    this.#startLingering();
  }

  #leave(program: StartedProgram, exit: ProgramExit): void {
    const { os = currentOs } = this.#options;
    this.#exit = exit;
    os.killLeftovers(program.pid);
    program.stdin.destroy();
    this.#startLingering();
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
  written: { stdout: 0, stderr: 0 },
} as const;
