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

import { type BigIntStats, realpathSync, statSync } from "node:fs";
import { type FileHandle, lstat, readdir, statfs } from "node:fs/promises";
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
import { Confinement, type Found, type Held, isHidden, isOrdinaryName, stepsBelow } from "./confine.ts";
import { FileIds, type Identity, isSameFile, type KnownFile } from "./file_ids.ts";
import type { ExportSpec } from "./parse_export.ts";
import { inProtocolWords } from "./system_errors.ts";

/** How many files of a directory are looked at together. */
const LOOKS_AT_ONCE = 64;

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
    return new FolderTree(spec, new Confinement(root), stats);
  } catch (error) {
    throw error instanceof ZssError ? error : refuse(errorText(error));
  }
}

/** A file that an id stands for, held while it is used. */
interface Located extends Held {
  readonly file: KnownFile;
}

/** The tree of one exported folder. */
export class FolderTree implements FileTree {
  readonly description: TreeDescription;
  readonly root: bigint;
  readonly #boundary: Confinement;
  readonly #ids: FileIds;

  /** @param identity Of the folder itself. */
  constructor(spec: ExportSpec, boundary: Confinement, identity: Identity) {
    const kind = currentOs.folderKind;
    this.description = {
      name: spec.name,
      read_only: true,
      description: spec.path,
      source_kind: kind,
      source_id: `${kind}:${spec.name}`,
    };
    this.#boundary = boundary;
    this.#ids = new FileIds(identityOf(identity));
    this.root = this.#ids.root.id;
  }

  lookup(parent: bigint, name: string): Promise<FileAttributes> {
    return this.#inDirectory(parent, async (directory) => {
      if (isHidden(name) || !isOrdinaryName(name)) throw noSuchNode();
      return await this.#describe(directory, await this.#boundary.follow(join(directory.at, name)));
    });
  }

  attributes(node: bigint): Promise<FileAttributes> {
    return this.#locate(node, ({ file, stats }) => Promise.resolve(attributesOf(file.id, stats)));
  }

  list(directory: bigint): Promise<readonly DirectoryEntry[]> {
    return this.#inDirectory(directory, async (located) => {
      const names = (await readdir(located.at))
        .filter((name) => !isHidden(name) && isOrdinaryName(name) && childNameProblem(name) === undefined)
        .sort();
      const entries: DirectoryEntry[] = [];
      for (let start = 0; start < names.length; start += LOOKS_AT_ONCE) {
        const looks = names.slice(start, start + LOOKS_AT_ONCE).map((name) => this.#entry(located, name));
        for (const entry of await Promise.all(looks)) if (entry !== undefined) entries.push(entry);
      }
      this.#ids.keepOnly(located.file, new Set(names));
      return entries;
    });
  }

  parent(node: bigint): bigint {
    return (this.#known(node).parent ?? this.#ids.root).id;
  }

  async open(node: bigint, access: Access): Promise<OpenFile> {
    let handle: FileHandle | undefined;
    try {
      return await this.#locate(node, async (located) => {
        if (located.stats.isDirectory()) throw new FsError(Errno.EISDIR, "is a directory");
        if (access !== "read") throw readOnlyError();
        // Opening a device may do something, and a pipe has no content to read at an offset.
        if (!located.stats.isFile()) throw new FsError(Errno.EACCES, "access denied: not a regular file");
        handle = await this.#boundary.openHeld(located);
        const opened = await handle.stat({ bigint: true });
        if (!isSameFile(identityOf(opened), located.file.identity)) throw noSuchNode();
        return reader(handle, opened.mtimeNs);
      });
    } catch (error) {
      await handle?.close();
      throw error;
    }
  }

  truncate(node: bigint): Promise<void> {
    return this.#locate(node, ({ stats }) => {
      throw stats.isDirectory() ? new FsError(Errno.EISDIR, "is a directory") : readOnlyError();
    });
  }

  numbers(): Promise<FileSystemNumbers> {
    return inProtocolWords(async () => {
      const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(this.#boundary.root);
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

  /** Uses the file of an id where it was last seen, provided that it is still that file. */
  #locate<Value>(node: bigint, use: (located: Located) => Promise<Value>): Promise<Value> {
    return inProtocolWords(async () => {
      const file = this.#known(node);
      const check = ({ stats }: Found) => {
        if (!isSameFile(identityOf(stats), file.identity)) throw noSuchNode();
      };
      const path = join(this.#boundary.root, ...this.#ids.steps(file));
      return await this.#boundary.hold(path, check, (held) => use({ ...held, file }));
    });
  }

  #inDirectory<Value>(node: bigint, use: (directory: Located) => Promise<Value>): Promise<Value> {
    return this.#locate(node, async (located) => {
      if (!located.stats.isDirectory()) throw new FsError(Errno.ENOTDIR, "not a directory");
      return await use(located);
    });
  }

  /** A child for a listing; undefined for one that cannot be shown. */
  #entry(directory: Located, name: string): Promise<DirectoryEntry | undefined> {
    return inProtocolWords(async () => {
      const at = join(directory.at, name);
      const stats = await lstat(at, { bigint: true });
      const found = stats.isSymbolicLink()
        ? await this.#boundary.follow(at)
        : { path: join(directory.path, name), stats };
      return { name, attributes: await this.#describe(directory, found) };
    }).catch((error: unknown) => {
      // Gone meanwhile, a dangling link, one that leaves the root, or behind a directory that may not be entered.
      const skipped: readonly Errno[] = [Errno.ENOENT, Errno.EACCES, Errno.ENOTDIR];
      if (error instanceof FsError && skipped.includes(error.errno)) return undefined;
      throw error;
    });
  }

  /** Notes where a file stands, and the directories above it when a link led elsewhere. */
  async #describe(directory: Located, found: Found): Promise<FileAttributes> {
    const { root } = this.#boundary;
    const steps = stepsBelow(root, found.path);
    const last = steps.at(-1) ?? "";
    // The usual case: what the name stands for is in the directory itself.
    if (steps.length > 0 && join(directory.path, last) === found.path) {
      return attributesOf(this.#note(directory.file, last, found.stats).id, found.stats);
    }
    let file = this.#ids.root;
    let path = root;
    for (const step of steps) {
      path = join(path, step);
      const above = path === found.path ? found : await this.#boundary.follow(path);
      if (above.path !== path) throw noSuchNode();
      file = this.#note(file, step, above.stats);
    }
    return attributesOf(file.id, found.stats);
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
