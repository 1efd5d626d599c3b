/**
 * Keeps every path inside the folder that was exported.
 *
 * A path is looked at again each time it is used, because what was a folder a
 * moment ago may be a link out of the root now. No path that is kept is ever
 * trusted.
 *
 * @module
 */

import { type BigIntStats, closeSync, constants, openSync, readlinkSync } from "node:fs";
import { type FileHandle, lstat, open, readlink, realpath } from "node:fs/promises";
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

/** A file that is held while it is used. */
export interface Held extends Found {
  /** A path by which it is reached; good until the use ends. */
  readonly at: string;
}

/**
 * The boundary of an exported folder.
 *
 * Where `/proc/self/fd` shows the descriptors of this process (Linux), a file
 * is held open without being read (`O_PATH`), the kernel says where it stands,
 * and everything after that goes through the descriptor: nothing that happens
 * to the path meanwhile matters. Elsewhere the path is checked before and after
 * the use. That leaves a gap to somebody who can swap a directory against a
 * link and back several times within one operation.
 */
export class Confinement {
  /** Real path of the folder. */
  readonly root: string;
  readonly #holds: boolean;

  /** @param holds Whether descriptors can be held; found out unless told. */
  constructor(root: string, holds: boolean = canHold(root)) {
    this.root = root;
    this.#holds = holds;
  }

  /**
   * Uses the file at a path that held no link when it was learnt.
   *
   * @param check Throws when it is not the file that was meant; may be called twice.
   * @throws {FsError} `EACCES path outside export root` when a step of the path has become a link that leaves the
   * root, `ENOENT` when it has become a link that does not.
   * @throws {Error} What the system refuses, with its code.
   */
  async hold<Value>(path: string, check: (found: Found) => void, use: (held: Held) => Promise<Value>): Promise<Value> {
    const checked = (found: Found) => {
      if (found.path !== path) throw new FsError(Errno.ENOENT, "file not found");
      check(found);
    };
    if (this.#holds) {
      return await this.#throughDescriptor(path, async (held) => {
        checked(held);
        return await use(held);
      });
    }
    const found = await this.follow(path);
    checked(found);
    const value = await use({ ...found, at: path });
    checked(await this.follow(path));
    return value;
  }

  /**
   * Follows `path`, links included, to the file that it stands for.
   *
   * @throws {FsError} `EACCES path outside export root`; `ENOENT` for what is hidden or was replaced meanwhile.
   * @throws {Error} What the system refuses, with its code.
   */
  async follow(path: string): Promise<Found> {
    if (this.#holds) {
      return await this.#throughDescriptor(path, ({ path, stats }) => Promise.resolve({ path, stats }));
    }
    const real = await realpath(path);
    return this.#inside({ path: real, stats: await lstat(real, { bigint: true }) });
  }

  /**
   * Opens a held file to read. The caller closes it, also when the file turns out to be another one.
   *
   * Never waits for the other end of a pipe.
   */
  openHeld(held: Held): Promise<FileHandle> {
    // A descriptor's path is itself a link; any other path must not lead through one.
    const noFollow = this.#holds ? 0 : constants.O_NOFOLLOW ?? 0;
    return open(held.at, constants.O_RDONLY | noFollow | (constants.O_NONBLOCK ?? 0));
  }

  async #throughDescriptor<Value>(path: string, use: (held: Held) => Promise<Value>): Promise<Value> {
    const handle = await open(path, O_PATH);
    try {
      const at = `${DESCRIPTORS}/${handle.fd}`;
      const stats = await handle.stat({ bigint: true });
      const found = this.#inside({ path: await readlink(at), stats });
      return await use({ ...found, at });
    } finally {
      await handle.close();
    }
  }

  #inside(found: Found): Found {
    if (!isWithin(this.root, found.path)) throw new FsError(Errno.EACCES, "path outside export root");
    const gone = found.stats.nlink === 0n || found.stats.isSymbolicLink();
    if (gone || stepsBelow(this.root, found.path).some((step) => isHidden(step))) {
      throw new FsError(Errno.ENOENT, "file not found");
    }
    return found;
  }
}

const DESCRIPTORS = "/proc/self/fd";

/** Linux: a descriptor that names a file and cannot read it. The number is the same on x64 and arm64. */
const O_PATH = 0o10000000;

/** Whether a descriptor's number leads to the file; in some runtimes the number is their own. */
function canHold(root: string): boolean {
  try {
    const descriptor = openSync(root, O_PATH);
    try {
      return readlinkSync(`${DESCRIPTORS}/${descriptor}`) === root;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return false; // no such flag, or nothing that shows descriptors
  }
}

/** The names of the steps from `root` down to `path`, which is `root` or below it. */
export function stepsBelow(root: string, path: string): string[] {
  const { sep } = currentOs.name === "windows" ? win32 : posix;
  return path.slice(root.length).split(sep).filter((step) => step !== "");
}
