/**
 * An exported folder as a tree. Read-only at this stage.
 *
 * Links inside the root are followed; those that leave it are left out of
 * listings and refused on lookup.
 *
 * @module
 */

import { constants, realpathSync, statSync } from "node:fs";
import { type FileHandle, lstat, open, readdir, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { currentOs } from "../../drivers/process/mod.ts";
import { Errno, errorText, type FileAttributes, FsError, ZssError } from "../../control/protocol/mod.ts";
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
import { confined } from "./confine.ts";
import type { ExportSpec } from "./parse_export.ts";

/** Files of the runtime itself; never shown. */
const HIDDEN = ".spiderweb-sandbox";

const ID_BITS = 48n;
const ID_MASK = (1n << ID_BITS) - 1n;

/**
 * Opens a folder for export.
 *
 * @throws {ZssError} `invalid_export` when it is no folder.
 */
export function openFolder(spec: ExportSpec): FolderTree {
  const refuse = (reason: string) =>
    new ZssError("invalid_export", `Cannot export "${spec.name}": ${reason}`, { hint: "name an existing folder" });
  let root: string;
  try {
    root = realpathSync(spec.path);
    if (!statSync(root).isDirectory()) throw refuse(`"${spec.path}" is not a folder`);
  } catch (error) {
    throw error instanceof ZssError ? error : refuse(errorText(error));
  }
  return new FolderTree(spec, root);
}

/** The tree of one exported folder. */
export class FolderTree implements FileTree {
  readonly description: TreeDescription;
  readonly root = 1n;
  readonly #rootPath: string;
  readonly #paths = new Map<bigint, string>();
  readonly #ids = new Map<string, bigint>();

  /** @param rootPath Real path of the folder. */
  constructor(spec: ExportSpec, rootPath: string) {
    const kind = currentOs.folderKind;
    this.description = {
      name: spec.name,
      read_only: true,
      description: spec.path,
      source_kind: kind,
      source_id: `${kind}:${spec.name}`,
    };
    this.#rootPath = rootPath;
    this.#remember(rootPath, this.root);
  }

  lookup(parent: bigint, name: string): Promise<FileAttributes> {
    return translated(async () => {
      if (name === HIDDEN) throw noSuchNode();
      const folder = await confined(this.#rootPath, this.#path(parent));
      return await this.#describe(join(folder, name));
    });
  }

  attributes(node: bigint): Promise<FileAttributes> {
    return translated(async () => await this.#describe(this.#path(node)));
  }

  list(directory: bigint): Promise<readonly DirectoryEntry[]> {
    return translated(async () => {
      const folder = await confined(this.#rootPath, this.#path(directory));
      const names = (await readdir(folder)).filter((name) => name !== HIDDEN).sort();
      const entries = await Promise.all(names.map(async (name): Promise<DirectoryEntry[]> => {
        try {
          return [{ name, attributes: await this.#describe(join(folder, name)) }];
        } catch {
          return []; // gone meanwhile, a dangling link, or one that leaves the root
        }
      }));
      return entries.flat();
    });
  }

  parent(node: bigint): bigint {
    if (node === this.root) return this.root;
    const above = dirname(this.#path(node));
    return this.#ids.get(above) ?? this.root;
  }

  open(node: bigint, access: Access): Promise<OpenFile> {
    return translated(async () => {
      if (access !== "read") throw readOnlyError();
      const path = await confined(this.#rootPath, this.#path(node));
      // The real path was checked a moment ago; no link may stand there now.
      const handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
      try {
        const opened = await handle.stat({ bigint: true });
        if (opened.isDirectory()) throw new FsError(Errno.EISDIR, "is a directory");
        await confined(this.#rootPath, path);
        const there = await lstat(path, { bigint: true });
        if (there.ino !== opened.ino || there.dev !== opened.dev) throw noSuchNode();
        return reader(handle, opened.mtimeNs);
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  truncate(): Promise<void> {
    return Promise.reject(readOnlyError());
  }

  numbers(): Promise<FileSystemNumbers> {
    return translated(async () => {
      const numbers = await statfs(this.#rootPath);
      const { bsize, blocks, bfree, bavail, files, ffree } = numbers;
      return { bsize, frsize: bsize, blocks, bfree, bavail, files, ffree, favail: ffree, namemax: 255 };
    });
  }

  onChange(): () => void {
    return () => {};
  }

  async #describe(path: string): Promise<FileAttributes> {
    const real = await confined(this.#rootPath, path);
    const found = await stat(real, { bigint: true });
    const isDirectory = found.isDirectory();
    return {
      id: this.#idOf(real, found.ino),
      k: isDirectory ? 2 : 1,
      m: Number(found.mode),
      n: isDirectory ? 2 : 1,
      u: Number(found.uid),
      g: Number(found.gid),
      sz: Number(found.size),
      at: found.atimeNs,
      mt: found.mtimeNs,
      ct: found.ctimeNs,
      gen: found.mtimeNs,
    };
  }

  /** An id is the file's inode where that is free, so that it stays the same over restarts. */
  #idOf(path: string, inode: bigint): bigint {
    const known = this.#ids.get(path);
    if (known !== undefined) return known;
    let id = inode & ID_MASK;
    while (id <= this.root || this.#paths.has(id)) id = (id + 1n) & ID_MASK;
    this.#remember(path, id);
    return id;
  }

  #remember(path: string, id: bigint): void {
    this.#paths.set(id, path);
    this.#ids.set(path, id);
  }

  #path(node: bigint): string {
    const path = this.#paths.get(node);
    if (path === undefined) throw noSuchNode();
    return path;
  }
}

function reader(handle: FileHandle, generation: bigint): OpenFile {
  return {
    readable: true,
    writable: false,
    generation,
    read: (offset, length) =>
      translated(async () => {
        const bytes = new Uint8Array(length);
        const { bytesRead } = await handle.read(bytes, 0, length, offset);
        return { bytes: bytes.subarray(0, bytesRead), eof: bytesRead < length };
      }),
    write: () => Promise.reject(new FsError(Errno.EBADF, "handle not writable")),
    close: () => handle.close(),
  };
}

const systemErrors: Readonly<Record<string, readonly [Errno, string]>> = {
  EACCES: [Errno.EACCES, "access denied"],
  EPERM: [Errno.EACCES, "access denied"],
  ENOENT: [Errno.ENOENT, "file not found"],
  ENOTDIR: [Errno.ENOTDIR, "not a directory"],
  EISDIR: [Errno.EISDIR, "is a directory"],
  ELOOP: [Errno.EACCES, "access denied"],
  ENAMETOOLONG: [Errno.EINVAL, "name too long"],
};

/** Runs `body` and says what the system refused in the words of the protocol. */
async function translated<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof FsError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const [errno, message] = systemErrors[code] ?? [Errno.EIO, errorText(error)];
    throw new FsError(errno, message, { cause: error });
  }
}
