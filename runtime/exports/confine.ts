/**
 * Keeps every path inside the folder that was exported.
 *
 * A path is looked at again each time it is used, because what was a folder a
 * moment ago may be a link out of the root now. There is no `openat` here, so a
 * path is checked before and after its use and what was opened is compared with
 * what was meant (folder.ts); no path that is kept is ever trusted.
 *
 * @module
 */

import type { BigIntStats } from "node:fs";
import { lstat, realpath } from "node:fs/promises";
import { posix, win32 } from "node:path";
import { Errno, FsError } from "../../control/protocol/mod.ts";
import { currentOs, type Os } from "../../drivers/process/mod.ts";

type OsName = Os["name"];

/** Files of the runtime itself; never shown. */
const HIDDEN = ".spiderweb-sandbox";

/** Devices that Windows finds in every folder, with any ending. */
const DEVICES = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)/i;

/**
 * Whether `path` is `root` or below it. Both are absolute, without `.` and `..`.
 *
 * @param system Whose separator is meant.
 */
export function isWithin(root: string, path: string, system: OsName = currentOs.name): boolean {
  const { sep } = system === "windows" ? win32 : posix;
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** Whether a name belongs to the runtime and is kept from clients, at any depth. */
export function isHidden(name: string, system: OsName = currentOs.name): boolean {
  return system === "linux" ? name === HIDDEN : name.toLowerCase() === HIDDEN;
}

/**
 * Whether a name means a file of its own on `system`.
 *
 * Windows opens a device for `CON`, a stream for `a:b`, and `a` for `a.`; such
 * a name would reach something that the listing does not show.
 */
export function isOrdinaryName(name: string, system: OsName = currentOs.name): boolean {
  return system !== "windows" || !(/[<>:"|?*]|[. ]$/.test(name) || DEVICES.test(name));
}

/** A file, where it stands. */
export interface Found {
  /** Without links, inside the root. */
  readonly path: string;
  /** What stands there; never a link. */
  readonly stats: BigIntStats;
}

/**
 * Follows `path` to the file that it stands for.
 *
 * @param root Real path of the export.
 * @throws {FsError} `EACCES path outside export root`; `ENOENT` for what is hidden or was replaced meanwhile.
 * @throws {Error} What the system refuses, with its code.
 */
export async function follow(root: string, path: string): Promise<Found> {
  const real = await realpath(path);
  if (!isWithin(root, real)) throw new FsError(Errno.EACCES, "path outside export root");
  if (stepsBelow(root, real).some((step) => isHidden(step))) throw new FsError(Errno.ENOENT, "file not found");
  const stats = await lstat(real, { bigint: true });
  if (stats.isSymbolicLink()) throw new FsError(Errno.ENOENT, "file not found");
  return { path: real, stats };
}

/**
 * Looks at a path that held no link when it was learnt, and holds none now.
 *
 * @throws {FsError} `EACCES path outside export root` when a step of it has become a link that leaves the root,
 * `ENOENT` when it has become a link that does not.
 * @throws {Error} What the system refuses, with its code.
 */
export async function stay(root: string, path: string): Promise<Found> {
  const found = await follow(root, path);
  if (found.path !== path) throw new FsError(Errno.ENOENT, "file not found");
  return found;
}

/** The names of the steps from `root` down to `path`, which is `root` or below it. */
export function stepsBelow(root: string, path: string): string[] {
  const { sep } = currentOs.name === "windows" ? win32 : posix;
  return path.slice(root.length).split(sep).filter((step) => step !== "");
}
