/**
 * Keeps every path inside the folder that was exported.
 *
 * A path is looked at again each time it is used: what was a folder a moment
 * ago may be a link out of the root now.
 *
 * @module
 */

import { realpath } from "node:fs/promises";
import { sep } from "node:path";
import { Errno, FsError } from "../../control/protocol/mod.ts";

/** Whether `path` is `root` or below it. Both are absolute, without `.` and `..`. */
export function isWithin(root: string, path: string): boolean {
  if (path === root) return true;
  return path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/**
 * The real path behind `path`.
 *
 * @throws {FsError} `EACCES` when it is outside of `root`; whatever the system says when it does not exist.
 */
export async function confined(root: string, path: string): Promise<string> {
  const real = await realpath(path);
  if (!isWithin(root, real)) throw new FsError(Errno.EACCES, "path outside export root");
  return real;
}
