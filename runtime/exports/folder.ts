/**
 * An exported folder as a tree. Read-only at this stage.
 *
 * Links inside the root are followed: they show the file that they point to,
 * under its own id. Links that leave the root, or lead nowhere, are left out of
 * listings; looking them up is refused.
 *
 * Each operation looks at the path again and compares what it finds with what
 * the id stood for: a file that was replaced since is `ENOENT`, and never
 * another one. Times have the resolution that the runtime gives, milliseconds.
 *
 * @module
 */

import { type BigIntStats, constants, realpathSync, statSync } from "node:fs";
import { type FileHandle, open, readdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import { currentOs } from "../../drivers/process/mod.ts";
import {
  childNameProblem,
  Errno,
  errorText,
  type FileAttributes,
  FsError,
  ZssError,
} from "../../control/protocol/mod.ts";
import {
  type Access,
  type DirectoryEntry,
  type FileSystemNumbers,
  type FileTree,
  noSuchNode,
  type OpenFile,
  readOnlyError,
  type TreeDescription,
} from "../namespace/tree.ts";
import { follow, type Found, isHidden, isOrdinaryName, stay, stepsBelow } from "./confine.ts";
import { FileIds, type Identity, isSameFile, type KnownFile } from "./file_ids.ts";
import type { ExportSpec } from "./parse_export.ts";
import { inProtocolWords } from "./system_errors.ts";

/** How many files of a directory are looked at together. */
const LOOKS_AT_ONCE = 64;

/** Never through a link, and never waiting for the other end of a pipe. Both are 0 where the system has no such flag. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a folder for export.
 *
 * @throws {ZssError} `invalid_export` when it is no folder.
 */
export function openFolder(spec: ExportSpec): FolderTree {
  const refuse = (reason: string) =>
    new ZssError("invalid_export", `Cannot export "${spec.name}": ${reason}`, { hint: "name an existing folder" });
  try {
    const root = realpathSync(spec.path);
    const stats = statSync(root, { bigint: true });
    if (!stats.isDirectory()) throw refuse(`"${spec.path}" is not a folder`);
    return new FolderTree(spec, root, stats);
  } catch (error) {
    throw error instanceof ZssError ? error : refuse(errorText(error));
  }
}

/** A file that an id stands for, as it is now. */
interface Located extends Found {
  readonly file: KnownFile;
}

/** The tree of one exported folder. */
export class FolderTree implements FileTree {
  readonly description: TreeDescription;
  readonly root: bigint;
  readonly #rootPath: string;
  readonly #ids: FileIds;

  /** @param rootPath Real path of the folder. */
  constructor(spec: ExportSpec, rootPath: string, identity: Identity) {
    const kind = currentOs.folderKind;
    this.description = {
      name: spec.name,
      read_only: true,
      description: spec.path,
      source_kind: kind,
      source_id: `${kind}:${spec.name}`,
    };
    this.#rootPath = rootPath;
    this.#ids = new FileIds(identityOf(identity));
    this.root = this.#ids.root.id;
  }

  lookup(parent: bigint, name: string): Promise<FileAttributes> {
    return inProtocolWords(async () => {
      const directory = await this.#locateDirectory(parent);
      if (isHidden(name) || !isOrdinaryName(name)) throw noSuchNode();
      const found = await this.#describe(directory, name);
      await this.#stillThere(directory);
      return found;
    });
  }

  attributes(node: bigint): Promise<FileAttributes> {
    return inProtocolWords(async () => {
      const { file, stats } = await this.#locate(node);
      return attributesOf(file.id, stats);
    });
  }

  list(directory: bigint): Promise<readonly DirectoryEntry[]> {
    return inProtocolWords(async () => {
      const located = await this.#locateDirectory(directory);
      const names = (await readdir(located.path))
        .filter((name) => !isHidden(name) && isOrdinaryName(name) && childNameProblem(name) === undefined)
        .sort();
      const entries: DirectoryEntry[] = [];
      for (let start = 0; start < names.length; start += LOOKS_AT_ONCE) {
        const looks = names.slice(start, start + LOOKS_AT_ONCE).map((name) => this.#entry(located, name));
        for (const entry of await Promise.all(looks)) if (entry !== undefined) entries.push(entry);
      }
      await this.#stillThere(located);
      this.#ids.keepOnly(located.file, new Set(names));
      return entries;
    });
  }

  parent(node: bigint): bigint {
    return (this.#known(node).parent ?? this.#ids.root).id;
  }

  open(node: bigint, access: Access): Promise<OpenFile> {
    return inProtocolWords(async () => {
      const located = await this.#locate(node);
      if (located.stats.isDirectory()) throw new FsError(Errno.EISDIR, "is a directory");
      if (access !== "read") throw readOnlyError();
      // Opening a device may do something, and a pipe has no content to read at an offset.
      if (!located.stats.isFile()) throw new FsError(Errno.EACCES, "access denied: not a regular file");
      const handle = await open(located.path, OPEN_FLAGS);
      try {
        const opened = await handle.stat({ bigint: true });
        if (!isSameFile(identityOf(opened), located.file.identity)) throw noSuchNode();
        await this.#stillThere(located);
        return reader(handle, opened.mtimeNs);
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  truncate(node: bigint): Promise<void> {
    return inProtocolWords(async () => {
      const { stats } = await this.#locate(node);
      throw stats.isDirectory() ? new FsError(Errno.EISDIR, "is a directory") : readOnlyError();
    });
  }

  numbers(): Promise<FileSystemNumbers> {
    return inProtocolWords(async () => {
      const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(this.#rootPath);
      return { bsize, frsize: bsize, blocks, bfree, bavail, files, ffree, favail: ffree, namemax: 255 };
    });
  }

  /** Nothing watches a folder yet, so no listener is ever called. */
  onChange(): () => void {
    return () => {};
  }

  #known(node: bigint): KnownFile {
    const file = this.#ids.find(node);
    if (file === undefined) throw noSuchNode();
    return file;
  }

  /** Finds the file of an id where it was last seen, provided that it is still that file. */
  async #locate(node: bigint): Promise<Located> {
    const file = this.#known(node);
    const found = await stay(this.#rootPath, join(this.#rootPath, ...this.#ids.steps(file)));
    if (!isSameFile(identityOf(found.stats), file.identity)) throw noSuchNode();
    return { ...found, file };
  }

  async #locateDirectory(node: bigint): Promise<Located> {
    const located = await this.#locate(node);
    if (!located.stats.isDirectory()) throw new FsError(Errno.ENOTDIR, "not a directory");
    return located;
  }

  /** Checks after the use of a path that it led all the time to where it leads now. */
  async #stillThere({ path, file }: Located): Promise<void> {
    const { stats } = await stay(this.#rootPath, path);
    if (!isSameFile(identityOf(stats), file.identity)) throw noSuchNode();
  }

  /** A child for a listing; undefined for one that cannot be shown. */
  async #entry(directory: Located, name: string): Promise<DirectoryEntry | undefined> {
    try {
      return { name, attributes: await inProtocolWords(() => this.#describe(directory, name)) };
    } catch (error) {
      // Gone meanwhile, a dangling link, one that leaves the root, or behind a directory that may not be entered.
      const shown: readonly Errno[] = [Errno.ENOENT, Errno.EACCES, Errno.ENOTDIR];
      if (error instanceof FsError && shown.includes(error.errno)) return undefined;
      throw error;
    }
  }

  async #describe(directory: Located, name: string): Promise<FileAttributes> {
    const found = await follow(this.#rootPath, join(directory.path, name));
    const file = await this.#learn(directory, found);
    return attributesOf(file.id, found.stats);
  }

  /** Notes where a file stands, and the directories above it when a link led elsewhere. */
  async #learn(directory: Located, found: Found): Promise<KnownFile> {
    const steps = stepsBelow(this.#rootPath, found.path);
    const near = [...stepsBelow(this.#rootPath, directory.path), steps.at(-1) ?? ""];
    // The usual case: what the name stands for is in the directory itself.
    const isNear = near.length === steps.length && near.every((step, index) => step === steps[index]);
    if (isNear) return this.#note(directory.file, steps.at(-1) ?? "", found.stats);
    let file = this.#ids.root;
    let path = this.#rootPath;
    for (const step of steps) {
      path = join(path, step);
      const { stats } = await stay(this.#rootPath, path);
      file = this.#note(file, step, stats);
    }
    return file;
  }

  #note(parent: KnownFile, name: string, stats: BigIntStats): KnownFile {
    const file = this.#ids.learn(parent, name, identityOf(stats));
    if (file !== undefined) return file;
    if (this.#ids.find(parent.id) === undefined) throw noSuchNode();
    throw new FsError(Errno.EACCES, "access denied: a directory that holds itself");
  }
}

/** Times before 1970 are negative; `number` holds every size that a file system reports. */
function attributesOf(id: bigint, stats: BigIntStats): FileAttributes {
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

function identityOf({ dev, ino }: Identity): Identity {
  return { dev, ino };
}

function reader(handle: FileHandle, generation: bigint): OpenFile {
  return {
    readable: true,
    writable: false,
    generation,
    read: (offset, length) =>
      inProtocolWords(async () => {
        const bytes = new Uint8Array(length);
        let filled = 0;
        while (filled < length) {
          const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return { bytes: bytes.subarray(0, filled), eof: filled < length };
      }),
    write: () => Promise.reject(new FsError(Errno.EBADF, "handle not writable")),
    close: () => inProtocolWords(() => handle.close()),
  };
}
