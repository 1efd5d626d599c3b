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
import { posixSpawn } from "./posix_spawn.ts";
import { MARK_VARIABLE } from "./started_program.ts";
import type { LaunchFailure, ProgramExit, StartedProgram, StartOptions } from "./started_program.ts";

export type { LaunchFailure, ProgramExit, StartedProgram, StartOptions } from "./started_program.ts";

/** Tells the programs of this process from those of every other, also of an earlier one with its number. */
export const MARK_PREFIX = `${crypto.randomUUID().slice(0, 13)}-`;
let marks = 0;

/** Starts a program. Resolves as soon as it runs; never rejects. */
export async function startProgram(wanted: StartOptions): Promise<StartedProgram | LaunchFailure> {
  let program: StartedProgram;
  const number = marks++;
  const mark = wanted.isMarked ? `${MARK_PREFIX}${number}` : undefined;
  const options = mark === undefined ? wanted : { ...wanted, env: { ...wanted.env, [MARK_VARIABLE]: mark } };
  try {
    program = options.via === "deno" ? startWithDeno(options) : await (posixSpawn(options) ?? startWithNode(options));
  } catch (error) {
    return { started: false, reason: launchReason(error, options) };
  }
  if (mark !== undefined) program.mark = mark;
  noteProgram(program.pid, program.ended, number, options.os);
  return program;
}

/** A program that is talked to over streams. */
function overStreams(
  program: Pick<StartedProgram, "pid" | "stdin" | "stdout" | "stderr" | "exited">,
  os: Os,
): StartedProgram {
  const { pid, stdin, stdout, stderr, exited } = program;
  const streams = [stdin, stdout, stderr];
  // A program may end, or close its input, whenever it likes: EPIPE, or EBADF in the compiled binary.
  for (const stream of streams) stream.on("error", () => {});
  // Asked for now: once it has ended, nobody knows them.
  const pipes = os.pipesOf(pid);
  return {
    ...program,
    started: true,
    ended: exited,
    pipes: () => pipes,
    feed: (bytes) => void stdin.end(bytes),
    release() {
      for (const stream of streams) stream.destroy();
    },
  };
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
  return overStreams({ pid, stdin, stdout, stderr, exited }, os);
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
  return overStreams({
    pid: child.pid,
    stdin: Writable.fromWeb(child.stdin),
    stdout: Readable.from(child.stdout, { objectMode: false }),
    stderr: Readable.from(child.stderr, { objectMode: false }),
    exited: child.status.then(({ code, signal }) => signal === null ? { code, signal } : { code: null, signal }),
  }, os);
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
