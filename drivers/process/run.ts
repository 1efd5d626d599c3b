/**
 * Runs a program to its end: feeds it, reads it, limits it, and leaves nothing
 * of it behind.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Clock } from "./clock.ts";
import { currentOs, type Os } from "./os.ts";

/** What to run, and within which limits. */
export interface RunOptions {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment of the child; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** What it reads from standard input. */
  readonly stdin: Uint8Array;
  readonly timeoutMs: number;
  /** Limit of each output, in bytes. */
  readonly maxOutputBytes: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly os?: Os;
}

/** Why a run ended. */
export type RunEnd = "exit" | "signal" | "timeout" | "cancelled" | "output_limit" | "launch";

/** How a run ended. */
export interface RunResult {
  readonly end: RunEnd;
  /** Exit code; -1 where there is none. */
  readonly exitCode: number;
  /** Name of the signal, or the reason why it could not be started. */
  readonly detail: string;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly durationMs: number;
}

/** Runs a program. Always resolves, and only when the program and its group are gone. */
export function runProgram(options: RunOptions): Promise<RunResult> {
  const os = options.os ?? currentOs;
  const started = options.clock.monotonic();
  const stdout = new Capture(options.maxOutputBytes);
  const stderr = new Capture(options.maxOutputBytes);
  let forced: "timeout" | "cancelled" | "output_limit" | undefined;

  const { promise, resolve } = Promise.withResolvers<RunResult>();
  const finish = (end: RunEnd, exitCode: number, detail: string) => {
    stopTimer();
    options.signal.removeEventListener("abort", onAbort);
    resolve({
      end,
      exitCode,
      detail,
      stdout: stdout.bytes(),
      stderr: stderr.bytes(),
      durationMs: Math.round(options.clock.monotonic() - started),
    });
  };
  const onAbort = () => end("cancelled");
  let stopTimer = () => {};

  if (options.signal.aborted) {
    finish("cancelled", -1, "cancelled before it began");
    return promise;
  }
  let child: ChildProcess;
  try {
    child = spawn(options.file, [...options.args], {
      cwd: options.cwd,
      env: { ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
      detached: os.hasGroups,
      windowsHide: true,
    });
  } catch (error) {
    finish("launch", -1, error instanceof Error ? error.message : String(error));
    return promise;
  }
  const end = (reason: typeof forced) => {
    if (forced !== undefined) return;
    forced = reason;
    if (child.pid !== undefined) os.killTree(child.pid);
  };
  stopTimer = options.clock.after(options.timeoutMs, () => end("timeout"));
  options.signal.addEventListener("abort", onAbort);

  let launchError: Error | undefined;
  child.on("error", (error) => {
    launchError = error;
    if (child.pid === undefined) finish("launch", -1, error.message);
  });
  // A program may end without reading its input; that is its right.
  child.stdin?.on("error", () => {});
  child.stdin?.end(Buffer.from(options.stdin));
  read(child.stdout, stdout, () => end("output_limit"));
  read(child.stderr, stderr, () => end("output_limit"));
  // Something that it left behind may hold the pipes open; the run is over when the program is.
  child.on("exit", () => child.pid !== undefined && os.killTree(child.pid));
  child.on("close", (code, signal) => {
    if (forced !== undefined) finish(forced, -1, forced);
    else if (code !== null) finish("exit", code, "");
    else if (signal !== null) finish("signal", -1, signal);
    else finish("launch", -1, launchError?.message ?? "it ended without a word");
  });
  return promise;
}

function read(stream: Readable | null, capture: Capture, onFull: () => void): void {
  stream?.on("data", (chunk: Uint8Array) => {
    if (!capture.add(chunk)) onFull();
  });
  stream?.on("error", () => {});
}

/** Bytes up to a limit. */
class Capture {
  readonly #limit: number;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Keeps what fits; false when not all of it did. */
  add(chunk: Uint8Array): boolean {
    const room = this.#limit - this.#size;
    const kept = chunk.length <= room ? chunk : chunk.subarray(0, room);
    if (kept.length > 0) this.#chunks.push(kept);
    this.#size += kept.length;
    return chunk.length <= room;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#chunks, this.#size);
  }
}
