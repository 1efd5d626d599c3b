/**
 * What can be started, and what it is once it runs.
 *
 * @module
 */

import type { Readable, Writable } from "node:stream";
import type { Os } from "./os.ts";
import type { Capture } from "./pump.ts";

/** The variable by which what a marked program leaves behind is known. */
export const MARK_VARIABLE = "ZSS_RUN_MARK";

/** What to start. */
export interface StartOptions {
  /** Path of the executable; a bare name is not looked up (`Os.findProgram` does that). */
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment of the child; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Adds a variable to the environment by which a `StrayFinder` knows what the program leaves. @default {false} */
  readonly isMarked?: boolean;
  /** As in `SelfCommand`. @default {"node"} */
  readonly via?: "node" | "deno";
  /** @default {currentOs} */
  readonly os?: Os;
}

/** How a program ended; one of the two is null. */
export interface ProgramExit {
  readonly code: number | null;
  /** Name of the signal that ended it. */
  readonly signal: string | null;
}

/** A running program. Its streams swallow the errors that come from its end; whoever starts it reads both outputs. */
export interface StartedProgram {
  readonly started: true;
  readonly pid: number;
  /** What a `StrayFinder` looks for; absent when the program is not marked. */
  mark?: string;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the program itself has ended; what it started may live on, and its output may be unread. */
  readonly exited: Promise<ProgramExit>;
  /** Resolves when `exited` or `hasEnded` has told of its end; asking for this costs nothing. */
  readonly ended: Promise<unknown>;
  /** Whether it has ended; absent where only `exited` tells. Asking for `exited` costs more: a thread waits for it. */
  hasEnded?(): boolean;
  /** Names of its outputs, for `Os.holdersOf`; to be asked before its streams are closed. */
  pipes(): readonly string[];
  /** Writes all of `bytes` and ends its input. Returns at once: it may answer before it has read everything. */
  feed(bytes: Uint8Array): void;
  /**
   * Reads what it has written until now, as long as nobody has asked for its
   * streams; true when it has ended and all is read. Absent where only streams can be read.
   */
  readonly readNow?: (stdout: Capture, stderr: Capture) => boolean;
  /** What `Os.killLeftovers` does for it, for less; absent where it cannot be had. */
  killLeftovers?(): void;
  /** Closes our ends of its pipes. */
  release(): void;
}

/** A program that could not be started. */
export interface LaunchFailure {
  readonly started: false;
  /** A clause that says why, without a full stop. */
  readonly reason: string;
}
