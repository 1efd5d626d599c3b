/**
 * The one place that starts programs.
 *
 * A program becomes the leader of a group of its own where there are groups, with three pipes and
 * exactly the environment that it is given. `runProgram` (run.ts) runs one to
 * its end within limits; use this only for a program that is talked to while it
 * runs, and then end it with `Os.killTree`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { Readable, Writable } from "node:stream";
import { noteProgram } from "./live_programs.ts";
import { currentOs, hasCode, type Os } from "./os.ts";

/** What to start. */
export interface StartOptions {
  /** Path of the executable; a bare name is not looked up (`Os.findProgram` does that). */
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment of the child; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
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
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the program itself has ended; what it started may live on, and its output may be unread. */
  readonly exited: Promise<ProgramExit>;
}

/** A program that could not be started. */
export interface LaunchFailure {
  readonly started: false;
  /** A clause that says why, without a full stop. */
  readonly reason: string;
}

/** Starts a program. Resolves as soon as it runs; never rejects. */
export async function startProgram(options: StartOptions): Promise<StartedProgram | LaunchFailure> {
  let program: StartedProgram;
  try {
    program = options.via === "deno" ? startWithDeno(options) : await startWithNode(options);
  } catch (error) {
    return { started: false, reason: launchReason(error, options) };
  }
  noteProgram(program.pid, program.exited, options.os);
  for (const stream of [program.stdin, program.stdout, program.stderr]) {
    // A program may end, or close its input, whenever it likes: EPIPE, or EBADF in the compiled binary.
    stream.on("error", () => {});
  }
  return program;
}

async function startWithNode({ file, args, cwd, env, os = currentOs }: StartOptions): Promise<StartedProgram> {
  const child = spawn(file, [...args], {
    cwd,
    env: { ...env },
    stdio: ["pipe", "pipe", "pipe"],
    detached: os.hasGroups,
    windowsHide: true,
  });
  const failed = new Promise<never>((_, reject) => child.on("error", reject));
  // Later errors (of a kill or a send) are none of the launch.
  failed.catch(() => {});
  const exited = new Promise<ProgramExit>((resolve) => child.on("exit", (code, signal) => resolve({ code, signal })));
  if (child.pid === undefined) return await failed;
  const { pid, stdin, stdout, stderr } = child;
  return { started: true, pid, stdin, stdout, stderr, exited };
}

function startWithDeno({ file, args, cwd, env, os = currentOs }: StartOptions): StartedProgram {
  const child = new Deno.Command(file, {
    args: [...args],
    cwd,
    env: { ...env },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    detached: os.hasGroups,
  }).spawn();
  return {
    started: true,
    pid: child.pid,
    stdin: Writable.fromWeb(child.stdin),
    stdout: Readable.from(child.stdout, { objectMode: false }),
    stderr: Readable.from(child.stderr, { objectMode: false }),
    exited: child.status.then(({ code, signal }) => signal === null ? { code, signal } : { code: null, signal }),
  };
}

/** Says what the system's one code for many things means here. */
function launchReason(error: unknown, { file, cwd }: StartOptions): string {
  if (!isFolder(cwd)) return `its working folder "${cwd}" does not exist`;
  if (hasCode(error, "ENOENT")) {
    if (statSync(file, { throwIfNoEntry: false }) === undefined) return `"${file}" does not exist`;
    const interpreter = interpreterOf(file);
    if (interpreter === undefined) {
      return `the loader that "${file}" needs does not exist: it was built for another system`;
    }
    return `the first line of "${file}" names "${interpreter}", which does not exist`;
  }
  if (hasCode(error, "EACCES")) return `the system does not allow "${file}" to be executed`;
  return error instanceof Error ? error.message : String(error);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function interpreterOf(file: string): string | undefined {
  const start = Buffer.alloc(256);
  try {
    const handle = openSync(file, "r");
    try {
      readSync(handle, start);
    } finally {
      closeSync(handle);
    }
  } catch {
    // It may be executed but not read.
  }
  return /^#![ \t]*([^\s\0]+)/.exec(start.toString("latin1"))?.[1];
}
