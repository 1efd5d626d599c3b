/**
 * What reading and changing an exported folder have in common: finding the file
 * of an id where it stands now, noting what was seen, telling of changes.
 *
 * @module
 */

import type { BigIntStats } from "node:fs";
import { type FileHandle, stat } from "node:fs/promises";
import { join } from "node:path";
import { Errno, type FileAttributes, FsError } from "../../control/protocol/mod.ts";
import { type Clock, currentOs } from "../../drivers/process/mod.ts";
import { type Access, noSuchNode, type TreeChange } from "../namespace/tree.ts";
import { type Confinement, type Found, type Held, stepsBelow } from "./confine.ts";
import { FileIds, type Identity, isSameFile, type KnownFile } from "./file_ids.ts";
import { linuxLibc } from "./libc.ts";
import { isHidden, isOrdinaryName } from "./names.ts";
import { FolderFile } from "./open_file.ts";
import { inProtocolWords } from "./system_errors.ts";
import { type EntryEvent, FolderWatch, type Hints } from "./watch.ts";

/** How long what we did ourselves may take to come back as an event, in milliseconds. */
const ECHO_MS = 5_000;
/** Most changes of our own that are remembered for that. */
const MAX_ECHOES = 4_096;

/** A file that an id stands for, held while it is used. */
export interface Located extends Held {
  readonly file: KnownFile;
}

/** The inside of one exported folder. */
export class FolderCore {
  readonly boundary: Confinement;
  readonly ids: FileIds;
  readonly clock: Clock;
  readonly #listeners = new Set<(change: TreeChange) => void>();
  /** What we did to entries ourselves, and when: an event of it is no news. */
  readonly #echoes = new Map<string, number>();
  /** Files that we are changing, directories in which we are, and how many changes. */
  readonly #busy = new Map<KnownFile, number>();
  #watch: FolderWatch | undefined;
  #watches = true;

  /** @param identity Of the folder itself. */
  constructor(boundary: Confinement, identity: Identity, clock: Clock) {
    this.boundary = boundary;
    this.ids = new FileIds(identityOf(identity));
    this.clock = clock;
  }

  /** Whether changes by others are heard of. */
  get watches(): boolean {
    return this.#watches;
  }

  known(node: bigint): KnownFile {
    const file = this.ids.find(node);
    if (file === undefined) throw noSuchNode();
    return file;
  }

  /** Uses the file of an id where it was last seen, provided that it is still that file. */
  locate<Value>(node: bigint, use: (located: Located) => Promise<Value>): Promise<Value> {
    return inProtocolWords(async () => {
      const file = this.known(node);
      const check = ({ stats }: Found) => {
        if (!isSameFile(identityOf(stats), file.identity)) throw noSuchNode();
      };
      return await this.boundary.hold(
        this.#pathOf(file),
        check,
        (held) => use({ ...held, file }),
        this.#isOnRoot(file),
      );
    });
  }

  /**
   * What a name in a directory stands for, provided that it is the file that was seen there last: one look at it
   * instead of one at the directory and one at the file.
   */
  async lookAgain(parent: bigint, name: string): Promise<FileAttributes | undefined> {
    const directory = this.ids.find(parent);
    if (directory === undefined || isHidden(name, currentOs.name)) return undefined;
    const file = this.ids.child(directory, name);
    if (file === undefined || !this.#isOnRoot(file)) return undefined;
    try {
      const attributes = await this.locate(
        file.id,
        ({ stats }) => Promise.resolve(this.describe(file, stats)),
      );
      this.looked(directory);
      return attributes;
    } catch (error) {
      // Another file stands there now, or none, or one elsewhere: to find out takes both looks.
      if (error instanceof FsError) return undefined;
      throw error;
    }
  }

  inDirectory<Value>(node: bigint, use: (directory: Located) => Promise<Value>): Promise<Value> {
    return this.locate(node, async (located) => {
      if (!located.stats.isDirectory()) throw new FsError(Errno.ENOTDIR, "not a directory");
      // Who looks into a directory knows something of it, though nobody asked for its attributes.
      located.file.seen ??= versionOf(located.stats);
      return await use(located);
    });
  }

  /** Notes that a file was seen as `name` in `parent`. */
  note(parent: KnownFile, name: string, stats: BigIntStats): KnownFile {
    const file = this.ids.learn(parent, name, identityOf(stats));
    if (file !== undefined) {
      this.looked(parent);
      return file;
    }
    if (this.ids.find(parent.id) === undefined) throw noSuchNode();
    throw new FsError(Errno.EACCES, "access denied: a directory that holds itself");
  }

  /** Notes that somebody has looked into a directory, and may want to hear when it changes. */
  looked(directory: KnownFile): void {
    this.#watch?.add(this.#pathOf(directory));
  }

  /** The attributes of a file, which are what clients know of it from now on. */
  describe(file: KnownFile, stats: BigIntStats): FileAttributes {
    file.seen = versionOf(stats);
    return attributesOf(file.id, stats);
  }

  /** Makes an open file of a handle. @throws {FsError} `ENOENT` when it is not the file that was meant. */
  async opened(handle: FileHandle, file: KnownFile, access: Access): Promise<FolderFile> {
    const opened = await handle.stat({ bigint: true });
    if (!isSameFile(identityOf(opened), file.identity)) throw noSuchNode();
    // Opening a device may do something, and a pipe has no content to read at an offset.
    if (!opened.isFile()) throw new FsError(Errno.EACCES, "access denied: not a regular file");
    return new FolderFile(handle, access, opened.mtimeNs, {
      clock: this.clock,
      libc: linuxLibc(),
      during: (action) => this.during([file], action),
      written: (stats) => {
        file.seen = versionOf(stats);
        this.emit({ node: file.id, what: "data", generation: stats.mtimeNs });
      },
      reach: (use) => this.locate(file.id, ({ at }) => Promise.resolve(use(at))),
    });
  }

  emit(...changes: readonly TreeChange[]): void {
    for (const change of changes) for (const listener of [...this.#listeners]) listener(change);
  }

  /**
   * Does something to entries of directories, and notes what became of them.
   *
   * The watch hears of it too, sooner or later; it must not take it for somebody else's doing.
   */
  act<Value>(
    event: EntryEvent,
    entries: readonly (readonly [directory: Located, name: string])[],
    action: () => Promise<Value>,
  ): Promise<Value> {
    if (this.#watch === undefined) return action();
    entries.forEach(([{ path }, name], at) => {
      this.#expect(event, join(path, name));
      // Some systems tell of a move as of two things that have nothing to do with each other.
      if (event === "rename") this.#expect(at === 0 ? "remove" : "create", join(path, name));
    });
    return this.during(entries.map(([{ file }]) => file), async () => {
      try {
        return await action();
      } finally {
        for (const [{ at, file }] of entries) {
          // Removed meanwhile, nothing more is to be said of it.
          file.seen = await stat(at, { bigint: true }).then(versionOf, () => undefined);
        }
      }
    });
  }

  /** Changes files, and notes what became of them before it is over; nobody else looks at them meanwhile. */
  async during<Value>(files: readonly KnownFile[], action: () => Promise<Value>): Promise<Value> {
    for (const file of files) this.#busy.set(file, (this.#busy.get(file) ?? 0) + 1);
    try {
      return await action();
    } finally {
      for (const file of files) {
        const left = (this.#busy.get(file) ?? 1) - 1;
        if (left > 0) this.#busy.set(file, left);
        else this.#busy.delete(file);
      }
    }
  }

  #expect(event: EntryEvent, path: string): void {
    this.#echoes.delete(echoOf(event, path));
    this.#echoes.set(echoOf(event, path), this.clock.monotonic());
    for (const oldest of this.#echoes.keys()) {
      if (this.#echoes.size <= MAX_ECHOES) break;
      this.#echoes.delete(oldest);
    }
  }

  onChange(listener: (change: TreeChange) => void): () => void {
    this.#listeners.add(listener);
    this.#watch ??= new FolderWatch({
      clock: this.clock,
      onHints: (hints) => void this.#look(hints),
      onLost: () => this.#watches = false,
    });
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#watch?.close();
      this.#watch = undefined;
    };
  }

  #isOnRoot(file: KnownFile): boolean {
    const { dev } = this.ids.root.identity;
    for (let at: KnownFile | undefined = file; at !== undefined; at = at.parent) {
      if (at.identity.dev !== dev) return false;
    }
    return true;
  }

  #pathOf(file: KnownFile): string {
    return join(this.boundary.root, ...this.ids.steps(file));
  }

  /** Tells listeners of what others changed: directories first. */
  async #look({ entries, files, overflow }: Hints): Promise<void> {
    if (overflow) this.emit({ directory: this.ids.root.id });
    const directories = new Set<bigint>();
    for (const [path, events] of entries) {
      const steps = stepsBelow(this.boundary.root, path);
      const name = steps.pop();
      const directory = this.ids.at(steps);
      if (name === undefined || directory === undefined || isHidden(name, currentOs.name)) continue;
      if (![...events].every((event) => this.#isEcho(event, path))) directories.add(directory.id);
    }
    for (const directory of directories) this.emit({ directory });
    for (const path of files) {
      const file = this.ids.at(stepsBelow(this.boundary.root, path));
      if (file === undefined || file.seen === undefined || directories.has(file.id)) continue;
      await this.#lookAt(file);
    }
  }

  async #lookAt(file: KnownFile): Promise<void> {
    const before = file.seen;
    let stats: BigIntStats | undefined;
    try {
      stats = await this.locate(file.id, ({ stats }) => Promise.resolve(stats));
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
    }
    const now = stats === undefined ? undefined : versionOf(stats);
    // Somebody may have been told meanwhile, or is about to be.
    if (file.seen === now || file.seen !== before || this.#isBusy(file) || this.ids.find(file.id) !== file) return;
    file.seen = now;
    if (stats?.isDirectory()) this.emit({ directory: file.id });
    // Without stats it is gone or replaced, and what a client knows of it holds no more.
    else this.emit({ node: file.id, what: "all", generation: stats?.mtimeNs ?? 0n });
  }

  #isBusy(file: KnownFile): boolean {
    return this.#busy.has(file) || (file.parent !== undefined && this.#busy.has(file.parent));
  }

  #isEcho(event: EntryEvent, path: string): boolean {
    const since = this.#echoes.get(echoOf(event, path));
    return since !== undefined && this.clock.monotonic() - since < ECHO_MS;
  }
}

/** Refuses a name that cannot be made here. */
export function requireStorable(name: string): void {
  if (isHidden(name, currentOs.name)) throw new FsError(Errno.EACCES, "access denied: the name is reserved");
  if (!isOrdinaryName(name, currentOs.name)) {
    throw new FsError(Errno.EINVAL, "invalid argument: this system cannot store that name");
  }
}

/** Refuses a name that cannot be there. */
export function requireVisible(name: string): void {
  if (isHidden(name, currentOs.name) || !isOrdinaryName(name, currentOs.name)) throw noSuchNode();
}

export function identityOf({ dev, ino }: Identity): Identity {
  return { dev, ino };
}

function echoOf(event: EntryEvent, path: string): string {
  return `${event} ${path}`;
}

function versionOf({ mtimeNs, ctimeNs, size, mode }: BigIntStats): string {
  return `${mtimeNs} ${ctimeNs} ${size} ${mode}`;
}

/** Times before 1970 are negative; `number` holds every size that a file system reports. */
export function attributesOf(id: bigint, stats: BigIntStats): FileAttributes {
  const isDirectory = stats.isDirectory();
  return {
    id,
    k: isDirectory ? 2 : 1,
    m: Number(stats.mode),
    n: isDirectory ? 2 : 1,
    u: Number(stats.uid),
    g: Number(stats.gid),
    sz: Number(stats.size),
    at: stats.atimeNs,
    mt: stats.mtimeNs,
    ct: stats.ctimeNs,
    gen: stats.mtimeNs,
  };
}
