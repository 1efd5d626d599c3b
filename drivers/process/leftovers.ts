/**
 * Removes what processes have left that were killed before they could.
 *
 * @module
 */

import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";

/** Which files and folders are meant. */
export interface Leftovers {
  readonly folder: string;
  /** What a whole name looks like; its first group is the number of the process that made it. */
  readonly names: RegExp;
  /** How long nobody may have changed it, in milliseconds; processes of other containers may use the same folder. */
  readonly unchangedMs: number;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/**
 * Removes what dead processes have made, and what an earlier process of our own
 * number has: call it before making any. What cannot be removed stays.
 */
export async function removeLeftovers({ folder, names, unchangedMs, now }: Leftovers): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const pid = Number(names.exec(name)?.[1]);
    if (!Number.isSafeInteger(pid) || pid <= 0 || (pid !== process.pid && isAlive(pid))) continue;
    const path = join(folder, name);
    try {
      if (now - (await stat(path)).mtimeMs >= unchangedMs) await rm(path, { recursive: true, force: true });
    } catch {
      // It is somebody else's, or gone already.
    }
  }
}

/** Whether there is a process of that number. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process that may not be asked is there.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
