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
  const result = (end: RunEnd, exitCode: number, detail: string, output: Output = nothing): RunResult => {
    const durationMs = Math.round(options.clock.monotonic() - began);
    return { end, exitCode, detail, ...output, durationMs };
  };

  if (options.signal.aborted) return result("cancelled", -1, "cancelled");
  const program = await startProgram(options);
  if (!program.started) return result("launch", -1, program.reason);

  const { forced, exit, output } = await seeToTheEnd(program, options);
  if (forced !== undefined) return result(forced, -1, forced, output);
  if (exit?.signal) return result("signal", -1, exit.signal, output);
  return result("exit", exit?.code ?? -1, "exit", output);
}

type Output = Pick<RunResult, "stdout" | "stderr">;

const nothing: Output = { stdout: new Uint8Array(), stderr: new Uint8Array() };

interface Ending {
  readonly forced: Forced | undefined;
  /** Undefined when a killed process did not end in time. */
  readonly exit: ProgramExit | undefined;
  readonly output: Output;
}

async function seeToTheEnd(program: StartedProgram, options: RunOptions): Promise<Ending> {
  const { clock, signal, os = currentOs } = options;
  let forced: Forced | undefined;
  let exit: ProgramExit | undefined;
  let stopLingering: CancelTimer | undefined;

  const linger = Promise.withResolvers<void>();
  const startLingering = () => {
    stopLingering ??= clock.after(LINGER_MS, linger.resolve);
  };
  const end = (reason: Forced) => {
    // Once it has exited its pid may be another's, and its own end is the one that counts.
    if (forced !== undefined || exit !== undefined) return;
    forced = reason;
    os.killTree(program.pid);
    startLingering();
  };
  const cancel = () => end("cancelled");
  const stopDeadline = clock.after(options.timeoutMs, () => end("timeout"));
  signal.addEventListener("abort", cancel);
  if (signal.aborted) cancel();

  const exited = program.exited.then((how) => {
    exit = how;
    os.killLeftovers(program.pid);
    program.stdin.destroy();
    startLingering();
  });
  const stdout = new Capture(program.stdout, options.maxOutputBytes, () => end("output_limit"));
  const stderr = new Capture(program.stderr, options.maxOutputBytes, () => end("output_limit"));
  feed(program.stdin, options.stdin);

  await Promise.race([Promise.all([exited, stdout.ended, stderr.ended]), linger.promise]);
  stopLingering?.();
  stopDeadline();
  signal.removeEventListener("abort", cancel);
  for (const stream of [program.stdin, program.stdout, program.stderr]) stream.destroy();
  return { forced, exit, output: { stdout: stdout.bytes(), stderr: stderr.bytes() } };
}
