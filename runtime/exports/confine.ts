/**
 * Keeps every path inside the folder that was exported.
 *
 * A path is looked at again each time it is used, because what was a folder a
 * moment ago may be a link out of the root now. No path that is kept is ever
 * trusted.
 *
 * @module
 */

import {
  type BigIntStats,
  closeSync,
  constants,
  open as openWithCallback,
  openSync,
  readlinkSync,
  statfsSync,
  statSync,
} from "node:fs";
import { type FileHandle, lstat, open, realpath, stat } from "node:fs/promises";
import { promisify } from "node:util";
import { posix, win32 } from "node:path";
import { Errno, FsError } from "../../control/protocol/mod.ts";
import { currentOs, type Os } from "../../drivers/process/mod.ts";
import { type Libc, linuxLibc } from "./libc.ts";
import { isHidden } from "./names.ts";

type OsName = Os["name"];

/**
 * Whether `path` is `root` or below it. Both are absolute, without `.` and `..`.
 *
 * @param system Whose separator is meant.
 */
export function isWithin(root: string, path: string, system: OsName = currentOs.name): boolean {
  const { sep } = system === "windows" ? win32 : posix;
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
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
  readonly #takeGrip: TakeGrip | undefined;
  readonly #takeGripAtOnce: TakeGripAtOnce | undefined;

  /** @param holds With what descriptors are held; `best` is the runtime where it can, else the C library. */
  constructor(root: string, holds: "best" | "libc" | "nothing" = "best") {
    this.root = root;
    const byRuntime = holds === "best" && canHold(root);
    const libc = byRuntime || holds === "nothing" ? undefined : linuxLibc();
    this.#takeGrip = byRuntime ? gripOfRuntime : libc && gripsOfLibc(libc);
    if (isLocal(root)) this.#takeGripAtOnce = byRuntime ? gripOfRuntimeAtOnce : libc && gripsOfLibcAtOnce(libc);
  }

  /**
   * Uses the file at a path that held no link when it was learnt.
   *
   * @param check Throws when it is not the file that was meant; may be called twice.
   * @param isOnRoot Whether all of the path was on the file system of the root when it was learnt.
   * @throws {FsError} `EACCES path outside export root` when a step of the path has become a link that leaves the
   * root, `ENOENT` when it has become a link that does not.
   * @throws {Error} What the system refuses, with its code.
   */
  async hold<Value>(
    path: string,
    check: (found: Found) => void,
    use: (held: Held) => Promise<Value>,
    isOnRoot = false,
  ): Promise<Value> {
    const checked = (found: Found) => {
      if (found.path !== path) throw new FsError(Errno.ENOENT, "file not found");
      check(found);
    };
    if (this.#takeGrip !== undefined) {
      const takeGrip = isOnRoot && this.#takeGripAtOnce !== undefined ? this.#takeGripAtOnce : this.#takeGrip;
      return await this.#throughDescriptor(takeGrip, path, async (held) => {
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
    if (this.#takeGrip !== undefined) {
      return await this.#throughDescriptor(this.#takeGrip, path, ({ path, stats }) => Promise.resolve({ path, stats }));
    }
    const real = await realpath(path);
    return this.#inside({ path: real, stats: await lstat(real, { bigint: true }) });
  }

  /**
   * Opens a held file. The caller closes it, also when the file turns out to be another one.
   *
   * Never waits for the other end of a pipe.
   *
   * @param flags How: `O_RDONLY`, `O_WRONLY` or `O_RDWR`.
   */
  openHeld(held: Held, flags: number = constants.O_RDONLY): Promise<FileHandle> {
    // A descriptor's path is itself a link; any other path must not lead through one.
    const noFollow = this.#takeGrip !== undefined ? 0 : constants.O_NOFOLLOW ?? 0;
    return open(held.at, flags | noFollow | (constants.O_NONBLOCK ?? 0));
  }

  async #throughDescriptor<Value>(
    takeGrip: TakeGrip | TakeGripAtOnce,
    path: string,
    use: (held: Held) => Promise<Value>,
  ): Promise<Value> {
    const taken = takeGrip(path);
    const grip = taken instanceof Promise ? await taken : taken;
    try {
      const { at } = grip;
      // The slow part was to find the file; what the system has just found it tells and closes at once, and a turn of
      // the event loop for each of these would take longer than all of them.
      const found = this.#inside({ path: readlinkSync(at), stats: grip.stats() });
      return await use({ ...found, at });
    } finally {
      grip.release();
    }
  }

  #inside(found: Found): Found {
    if (!isWithin(this.root, found.path)) throw new FsError(Errno.EACCES, "path outside export root");
    const gone = found.stats.nlink === 0n || found.stats.isSymbolicLink();
    if (gone || stepsBelow(this.root, found.path).some((step) => isHidden(step, currentOs.name))) {
      throw new FsError(Errno.ENOENT, "file not found");
    }
    return found;
  }
}

const DESCRIPTORS = "/proc/self/fd";

/** Linux: a descriptor that names a file and cannot read it. The number is the same on x64 and arm64. */
const O_PATH = 0o10000000;

/** A file that is held without being open. */
interface Grip {
  /** A path by which it is reached, whatever happens to the one that it was found by. */
  readonly at: string;
  stats(): BigIntStats;
  release(): void;
}

type TakeGrip = (path: string) => Promise<Grip>;
type TakeGripAtOnce = (path: string) => Grip;

/**
 * Whether a file system answers from this machine: ext, XFS, Btrfs, tmpfs, overlay, F2FS, ZFS.
 *
 * To find a file there takes some microseconds, to have another thread do it a hundred. On any other the node must not
 * wait, and stand still, for whoever answers.
 */
function isLocal(root: string): boolean {
  try {
    return LOCAL_FILE_SYSTEMS.has(statfsSync(root).type);
  } catch {
    return false; // gone, which the first use will say
  }
}

const LOCAL_FILE_SYSTEMS: ReadonlySet<number> = new Set(
  [0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0xf2f52010, 0x2fc12fc1],
);

/** How the C library holds files. */
function gripsOfLibc(libc: Libc): TakeGrip {
  return async (path) => {
    const descriptor = await libc.hold(path);
    if (descriptor !== undefined) return gripOfLibc(libc, descriptor);
    // This says why, or that it was a file for no more than a moment.
    await stat(path);
    throw new FsError(Errno.ENOENT, "file not found");
  };
}

function gripsOfLibcAtOnce(libc: Libc): TakeGripAtOnce {
  return (path) => gripOfLibc(libc, libc.holdAtOnce(path));
}

function gripOfLibc(libc: Libc, descriptor: number): Grip {
  const at = `${DESCRIPTORS}/${descriptor}`;
  return { at, stats: () => statSync(at, { bigint: true }), release: () => libc.close(descriptor) };
}

async function gripOfRuntime(path: string): Promise<Grip> {
  return gripOn(await openDescriptor(path, O_PATH));
}

function gripOfRuntimeAtOnce(path: string): Grip {
  return gripOn(openSync(path, O_PATH));
}

function gripOn(descriptor: number): Grip {
  const at = `${DESCRIPTORS}/${descriptor}`;
  // By its path: the runtime takes twice as long for the number.
  return { at, stats: () => statSync(at, { bigint: true }), release: () => closeSync(descriptor) };
}

const openDescriptor = promisify(openWithCallback);

/** Whether the number of a descriptor leads to the file; in older runtimes the number is their own. */
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
