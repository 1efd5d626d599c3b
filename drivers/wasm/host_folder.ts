/**
 * Folders of the machine as a module sees them: for reading, and nothing above
 * them.
 *
 * A path is resolved on the machine before it is opened, and what was opened is
 * compared with what is there then, so that a link leads out neither when it
 * stands there nor when it is put there meanwhile. A folder is the one that was
 * opened: what takes its place later is not looked into. What is learned by a
 * path counts only when the path still leads there afterwards; that leaves a gap
 * to somebody who can swap a folder for a link and back within one operation.
 *
 * @module
 */

import { Fd, wasi } from "@bjorn3/browser_wasi_shim";
import type { BigIntStats, Dirent, Stats } from "node:fs";
import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve as resolvePath, sep } from "node:path";

/** Most bytes that are read at once; a module that asks for more gets fewer, and asks again. */
const MOST_READ = 1_048_576;

const RIGHT_TO_WRITE = 1n << 6n;
const EVERY_RIGHT = (1n << 29n) - 1n;
const FOLLOW = 1;
/** Links that are followed on one way, as on Linux. */
const MOST_LINKS = 40;

/** What was opened, and what was refused, in one call. */
export class OpenedFiles {
  /** Paths that lead out of the folder, as the module named them. */
  readonly refused: string[] = [];
  readonly #open = new Set<number>();

  open(file: string): number {
    const fd = openSync(file, "r");
    this.#open.add(fd);
    return fd;
  }

  close(fd: number): void {
    if (this.#open.delete(fd)) closeSync(fd);
  }

  closeAll(): void {
    for (const fd of [...this.#open]) this.close(fd);
  }
}

/** A folder that a module has opened, or that it began with. */
export class HostFolder extends Fd {
  readonly #root: string;
  readonly #path: string;
  readonly #name: string | undefined;
  readonly #files: OpenedFiles;
  readonly #identity: Identity | undefined;
  #entries: readonly Dirent[] = [];

  /**
   * @param root The real path of the folder of the machine.
   * @param path The real path of this one, in `root`.
   * @param name What the module calls it, when it begins with it.
   */
  constructor(root: string, path: string, files: OpenedFiles, name?: string) {
    super();
    this.#root = root;
    this.#path = path;
    this.#name = name;
    this.#files = files;
    this.#identity = statSync(path, { throwIfNoEntry: false });
  }

  override fd_prestat_get(): { ret: number; prestat: wasi.Prestat | null } {
    if (this.#name === undefined) return { ret: wasi.ERRNO_BADF, prestat: null };
    return { ret: wasi.ERRNO_SUCCESS, prestat: wasi.Prestat.dir(this.#name) };
  }

  override fd_fdstat_get(): { ret: number; fdstat: wasi.Fdstat | null } {
    return { ret: wasi.ERRNO_SUCCESS, fdstat: fdstat(wasi.FILETYPE_DIRECTORY) };
  }

  override fd_filestat_get(): { ret: number; filestat: wasi.Filestat | null } {
    return asking(() => this.#looking(() => new HostFilestat(statSync(this.#path, { bigint: true }))));
  }

  override path_filestat_get(flags: number, path: string): { ret: number; filestat: wasi.Filestat | null } {
    return asking(() => {
      const name = basename(path);
      // What ends in dots names a folder by way of another: there is no link to look at.
      if ((flags & FOLLOW) !== 0 || ["", ".", ".."].includes(name)) {
        const real = this.#resolve(path);
        return staying(real, () => new HostFilestat(statSync(real, { bigint: true })));
      }
      const parent = this.#resolve(dirname(path));
      return staying(parent, () => new HostFilestat(lstatSync(join(parent, name), { bigint: true })));
    });
  }

  override path_open(
    _dirflags: number,
    path: string,
    oflags: number,
    rights: bigint,
  ): { ret: number; fd_obj: Fd | null } {
    const changes = wasi.OFLAGS_CREAT | wasi.OFLAGS_TRUNC | wasi.OFLAGS_EXCL;
    if ((oflags & changes) !== 0 || (rights & RIGHT_TO_WRITE) !== 0n) return { ret: wasi.ERRNO_ROFS, fd_obj: null };
    try {
      const real = this.#resolve(path);
      const found = staying(real, () => statSync(real));
      if (found.isDirectory()) {
        const folder = staying(real, () => new HostFolder(this.#root, real, this.#files));
        return { ret: wasi.ERRNO_SUCCESS, fd_obj: folder };
      }
      if ((oflags & wasi.OFLAGS_DIRECTORY) !== 0) return { ret: wasi.ERRNO_NOTDIR, fd_obj: null };
      // To open a pipe or a device can do something.
      if (!found.isFile()) return { ret: wasi.ERRNO_ACCES, fd_obj: null };
      return { ret: wasi.ERRNO_SUCCESS, fd_obj: new HostFile(this.#openSame(path, real, found), this.#files) };
    } catch (error) {
      return { ret: errnoOf(error), fd_obj: null };
    }
  }

  override fd_readdir_single(cookie: bigint): { ret: number; dirent: wasi.Dirent | null } {
    try {
      if (cookie === 0n) {
        this.#entries = this.#looking(() => readdirSync(this.#path, { withFileTypes: true }).sort(byName));
      }
    } catch (error) {
      return { ret: errnoOf(error), dirent: null };
    }
    const dots = [".", ".."];
    const dot = dots[Number(cookie)];
    const entry = this.#entries[Number(cookie) - dots.length];
    const next = (name: string, type: number) => new wasi.Dirent(cookie + 1n, 0n, name, type);
    if (dot !== undefined) return { ret: wasi.ERRNO_SUCCESS, dirent: next(dot, wasi.FILETYPE_DIRECTORY) };
    return { ret: wasi.ERRNO_SUCCESS, dirent: entry === undefined ? null : next(entry.name, typeOf(entry)) };
  }

  override path_create_directory(): number {
    return wasi.ERRNO_ROFS;
  }

  override path_unlink_file(): number {
    return wasi.ERRNO_ROFS;
  }

  override path_remove_directory(): number {
    return wasi.ERRNO_ROFS;
  }

  override path_unlink(): { ret: number; inode_obj: null } {
    return { ret: wasi.ERRNO_ROFS, inode_obj: null };
  }

  /** Looks into this folder by its path. @throws {OutsideFolder} If something else stands there before or after. */
  #looking<Found>(look: () => Found): Found {
    this.#requireSame();
    const found = look();
    this.#requireSame();
    return found;
  }

  #requireSame(): void {
    const { dev, ino } = staying(this.#path, () => statSync(this.#path));
    if (dev !== this.#identity?.dev || ino !== this.#identity.ino) throw new OutsideFolder();
  }

  /**
   * The real path of something in the folder.
   *
   * Outside, what there is and what there is not are refused alike: the answer
   * must not tell which.
   *
   * @throws {OutsideFolder} If it is not in it.
   */
  #resolve(path: string): string {
    if (!isAbsolute(path) && !path.includes("\0") && !this.#goesAbove(path)) {
      try {
        const real = realpathSync(join(this.#path, path));
        if (this.#holds(real)) return real;
      } catch (error) {
        if (!this.#leadsOut(join(this.#path, path), MOST_LINKS)) throw error;
      }
    }
    this.#files.refused.push(path);
    throw new OutsideFolder();
  }

  /** Whether the words of a path go above the root, also when they come back. */
  #goesAbove(path: string): boolean {
    let depth = namesOf(relative(this.#root, this.#path)).length;
    return namesOf(path).some((name) => {
      depth += name === ".." ? -1 : 1;
      return depth < 0;
    });
  }

  #holds(real: string): boolean {
    return real === this.#root || real.startsWith(this.#root + sep) || this.#root === sep;
  }

  /** Whether a path that leads nowhere leaves the root by a link on its way there. */
  #leadsOut(path: string, links: number): boolean {
    if (links === 0 || !this.#holds(path)) return !this.#holds(path);
    let at = this.#root;
    for (const name of namesOf(relative(this.#root, path))) {
      at = join(at, name);
      try {
        if (!lstatSync(at).isSymbolicLink()) continue;
      } catch {
        return false;
      }
      const link = at;
      try {
        at = realpathSync(link);
      } catch {
        return this.#leadsOut(resolvePath(dirname(link), readlinkSync(link)), links - 1);
      }
      if (!this.#holds(at)) return true;
    }
    return false;
  }

  #openSame(path: string, real: string, found: Stats): number {
    const fd = this.#files.open(real);
    const opened = fstatSync(fd);
    if (opened.dev === found.dev && opened.ino === found.ino && this.#resolve(path) === real) return fd;
    this.#files.close(fd);
    throw new OutsideFolder();
  }
}

/** A file that a module has opened for reading. */
class HostFile extends Fd {
  readonly #fd: number;
  readonly #files: OpenedFiles;
  #at = 0n;

  constructor(fd: number, files: OpenedFiles) {
    super();
    this.#fd = fd;
    this.#files = files;
  }

  override fd_close(): number {
    this.#files.close(this.#fd);
    return wasi.ERRNO_SUCCESS;
  }

  override fd_fdstat_get(): { ret: number; fdstat: wasi.Fdstat | null } {
    return { ret: wasi.ERRNO_SUCCESS, fdstat: fdstat(wasi.FILETYPE_REGULAR_FILE) };
  }

  override fd_filestat_get(): { ret: number; filestat: wasi.Filestat | null } {
    return asking(() => new HostFilestat(fstatSync(this.#fd, { bigint: true })));
  }

  override fd_read(size: number): { ret: number; data: Uint8Array } {
    const read = this.fd_pread(size, this.#at);
    this.#at += BigInt(read.data.length);
    return read;
  }

  override fd_pread(size: number, offset: bigint): { ret: number; data: Uint8Array } {
    const data = new Uint8Array(Math.min(size, MOST_READ));
    try {
      const length = readSync(this.#fd, data, 0, data.length, Number(offset));
      return { ret: wasi.ERRNO_SUCCESS, data: data.subarray(0, length) };
    } catch (error) {
      return { ret: errnoOf(error), data: new Uint8Array() };
    }
  }

  override fd_seek(offset: bigint, whence: number): { ret: number; offset: bigint } {
    const from = whence === wasi.WHENCE_CUR
      ? this.#at
      : whence === wasi.WHENCE_END
      ? fstatSync(this.#fd, { bigint: true }).size
      : 0n;
    if (from + offset < 0n) return { ret: wasi.ERRNO_INVAL, offset: this.#at };
    this.#at = from + offset;
    return { ret: wasi.ERRNO_SUCCESS, offset: this.#at };
  }

  override fd_tell(): { ret: number; offset: bigint } {
    return { ret: wasi.ERRNO_SUCCESS, offset: this.#at };
  }

  override fd_write(): { ret: number; nwritten: number } {
    return { ret: wasi.ERRNO_BADF, nwritten: 0 };
  }
}

/** What is said of a file. That of the package writes its times over its size. */
class HostFilestat extends wasi.Filestat {
  readonly #links: bigint;
  readonly #times: readonly bigint[];

  constructor(stats: BigIntStats) {
    super(stats.ino, typeOf(stats), stats.size);
    this.#links = stats.nlink;
    this.#times = [stats.atimeNs, stats.mtimeNs, stats.ctimeNs];
  }

  override write_bytes(view: DataView, at: number): void {
    view.setBigUint64(at, 0n, true);
    view.setBigUint64(at + 8, this.ino, true);
    view.setBigUint64(at + 16, BigInt(this.filetype), true);
    view.setBigUint64(at + 24, this.#links, true);
    view.setBigUint64(at + 32, this.size, true);
    this.#times.forEach((time, index) => view.setBigUint64(at + 40 + 8 * index, time, true));
  }
}

class OutsideFolder extends Error {}

/** What tells one folder from another. */
type Identity = Pick<Stats, "dev" | "ino">;

/** Looks at a real path, which must be one still when that is done. @throws {OutsideFolder} */
function staying<Found>(real: string, look: () => Found): Found {
  const found = look();
  if (realpathSync(real) !== real) throw new OutsideFolder();
  return found;
}

/** The names of a path but those that stay where they are. */
function namesOf(path: string): readonly string[] {
  return path.split(sep === "/" ? "/" : /[\\/]/).filter((name) => name !== "" && name !== ".");
}

function fdstat(type: number): wasi.Fdstat {
  const stat = new wasi.Fdstat(type, 0);
  // Given in full, so that the module says whether it wants to write, and is told that it cannot.
  stat.fs_rights_base = EVERY_RIGHT;
  stat.fs_rights_inherited = EVERY_RIGHT;
  return stat;
}

function asking(look: () => wasi.Filestat): { ret: number; filestat: wasi.Filestat | null } {
  try {
    return { ret: wasi.ERRNO_SUCCESS, filestat: look() };
  } catch (error) {
    return { ret: errnoOf(error), filestat: null };
  }
}

function typeOf(entry: Pick<Dirent, "isDirectory" | "isFile" | "isSymbolicLink">): number {
  if (entry.isDirectory()) return wasi.FILETYPE_DIRECTORY;
  if (entry.isFile()) return wasi.FILETYPE_REGULAR_FILE;
  return entry.isSymbolicLink() ? wasi.FILETYPE_SYMBOLIC_LINK : wasi.FILETYPE_UNKNOWN;
}

function byName(a: Dirent, b: Dirent): number {
  return a.name < b.name ? -1 : 1;
}

const errnos: ReadonlyMap<unknown, number> = new Map([
  ["ENOENT", wasi.ERRNO_NOENT],
  ["EACCES", wasi.ERRNO_ACCES],
  ["EPERM", wasi.ERRNO_PERM],
  ["ENOTDIR", wasi.ERRNO_NOTDIR],
  ["EISDIR", wasi.ERRNO_ISDIR],
  ["ELOOP", wasi.ERRNO_LOOP],
  ["ENAMETOOLONG", wasi.ERRNO_NAMETOOLONG],
]);

function errnoOf(error: unknown): number {
  if (error instanceof OutsideFolder) return wasi.ERRNO_NOTCAPABLE;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return errnos.get(code) ?? wasi.ERRNO_IO;
}
