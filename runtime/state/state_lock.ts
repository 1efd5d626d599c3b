/**
 * One process at a time uses a state file.
 *
 * Two nodes of one identity would take the lease from each other for ever. The
 * lock is one of the operating system, on `<state-file>.lock`, so it ends with
 * its process, however that ends; the number of the process in it is for people.
 * Where the system has no such locks, that number decides.
 *
 * @module
 */

import { mkdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import process from "node:process";
import { isAlive, removeLeftovers } from "../../drivers/process/leftovers.ts";
import { errorText, ZssError } from "../../control/protocol/mod.ts";

/** Where the lock of a state file stands. */
export function stateLockPath(stateFile: string): string {
  return `${stateFile}.lock`;
}

/** A state file that is this process's own. */
export interface StateLock extends AsyncDisposable {
  /** Where the file really stands. Read and write it there: a link must be neither a second lock nor replaced. */
  readonly stateFile: string;
}

/**
 * Takes the lock of a state file, wherever links lead, until it is disposed of.
 *
 * @throws {ZssError} `state_in_use` when another process has it, `io` when the lock file cannot be written.
 */
export async function lockState(stateFile: string): Promise<StateLock> {
  try {
    const real = await realStateFile(stateFile);
    const path = stateLockPath(real);
    for (;;) {
      const file = await Deno.open(path, { read: true, write: true, create: true, mode: 0o600 });
      const isMine = await tryLock(file);
      if (isMine === false || (isMine === undefined && await isHeldByAnother(path))) {
        file.close();
        throw await inUse(stateFile, path);
      }
      if (!await isStill(file, path)) {
        // Who had it before has taken the file away in the meantime.
        file.close();
        continue;
      }
      await file.truncate(0);
      await file.write(new TextEncoder().encode(`${process.pid}\n`));
      await removeHalfWritten(real);
      return {
        stateFile: real,
        async [Symbol.asyncDispose]() {
          await Deno.remove(path).catch(() => undefined);
          file.close();
        },
      };
    }
  } catch (error) {
    if (error instanceof ZssError) throw error;
    throw new ZssError("io", `Cannot lock the state file "${stateFile}": ${errorText(error)}`, {
      hint: "check the rights of its folder, or name another with --state-file",
      cause: error,
    });
  }
}

/**
 * Looks whether another process has the lock, and changes nothing.
 *
 * @throws {ZssError} `state_in_use`.
 */
export async function checkStateLock(stateFile: string): Promise<void> {
  const real = await Deno.realPath(stateFile).catch(() => resolve(stateFile));
  const path = stateLockPath(real);
  // The lock itself is asked for only where somebody may have it: a node that starts now must not find it taken.
  if (!await isHeldByAnother(path)) return;
  const file = await Deno.open(path, { read: true, write: true }).catch(() => undefined);
  if (file === undefined) throw await inUse(stateFile, path);
  try {
    if (await tryLock(file) !== true) throw await inUse(stateFile, path);
  } finally {
    file.close();
  }
}

/** What a node that was killed was about to put in the place of the state file, or of a file named after it. */
async function removeHalfWritten(stateFile: string): Promise<void> {
  const names = new RegExp(`^${RegExp.escape(basename(stateFile))}(?:\\.\\S+)?\\.(\\d+)-[0-9a-f]{8}\\.tmp$`);
  await removeLeftovers({ folder: dirname(stateFile), names, unchangedMs: 0, now: Date.now() });
}

/** The path behind all links, also when there is no file yet; the folder is made. */
async function realStateFile(stateFile: string): Promise<string> {
  try {
    return await Deno.realPath(stateFile);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const target = await Deno.readLink(stateFile).catch(() => undefined);
  // Links in a circle are no such file: asking for the real path has refused them.
  if (target !== undefined) return realStateFile(resolve(dirname(stateFile), target));
  await mkdir(dirname(stateFile), { recursive: true });
  return join(await Deno.realPath(dirname(stateFile)), basename(stateFile));
}

/** `undefined`: this system, or this runtime, has no such locks. */
async function tryLock(file: Deno.FsFile): Promise<boolean | undefined> {
  if (typeof file.tryLock !== "function") return undefined;
  try {
    return await file.tryLock(true);
  } catch {
    return undefined;
  }
}

/** Whether the path still leads to the file that was locked. */
async function isStill(file: Deno.FsFile, path: string): Promise<boolean> {
  try {
    const [mine, there] = await Promise.all([file.stat(), Deno.stat(path)]);
    return mine.ino === there.ino && mine.dev === there.dev;
  } catch {
    return false;
  }
}

async function isHeldByAnother(path: string): Promise<boolean> {
  const pid = await holderOf(path);
  return pid !== undefined && pid !== process.pid && isAlive(pid);
}

async function holderOf(path: string): Promise<number | undefined> {
  const text = await Deno.readTextFile(path).catch(() => "");
  const pid = Number(text.trim());
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
}

async function inUse(stateFile: string, path: string): Promise<ZssError> {
  const pid = await holderOf(path);
  const who = pid === undefined ? "another process" : `process ${pid}`;
  return new ZssError("state_in_use", `Cannot use the state file "${stateFile}": ${who} runs as this node`, {
    hint: "stop that one, or give this one a --state-file of its own",
  });
}
