/**
 * An exported folder as a tree.
 *
 * Links inside the root are followed: they show the file that they point to,
 * under its own id. Links that leave the root, or lead nowhere, are left out of
 * listings unless one asks for their names; looking them up is refused.
 *
 * Each operation looks at the path again and compares what it finds with what
 * the id stood for: a file that was replaced since is `ENOENT`, and never
 * another one. Times have the resolution that the runtime gives, milliseconds.
 *
 * A pipe, a socket or a device is listed and has attributes, and is not opened.
 *
 * @module
 */

import { type BigIntStats, constants, realpathSync, statSync } from "node:fs";
import { type FileHandle, lstat, readdir, readlink, statfs } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, currentOs, systemClock } from "../../drivers/process/mod.ts";
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
  type TreeChange,
  type TreeDescription,
  type TreeEditing,
  type TreeXattrs,
} from "../namespace/tree.ts";
import { Confinement, type Found, stepsBelow } from "./confine.ts";
import type { Identity } from "./file_ids.ts";
import { attributesOf, FolderCore, type Located, requireVisible } from "./folder_core.ts";
import { FolderEditing } from "./folder_editing.ts";
import { FolderXattrs } from "./folder_xattrs.ts";
import { linuxLibc } from "./libc.ts";
import { isHidden, isOrdinaryName } from "./names.ts";
import type { ExportSpec } from "./parse_export.ts";
import { inProtocolWords } from "./system_errors.ts";

/** How many files of a directory are looked at together. */
const LOOKS_AT_ONCE = 64;

const OPEN_FLAGS: Readonly<Record<Access, number>> = {
  read: constants.O_RDONLY,
  write: constants.O_WRONLY,
  read_write: constants.O_RDWR,
  append: constants.O_WRONLY | constants.O_APPEND,
};

/**
 * Opens a folder for export. It can be written unless the export says `ro`.
 *
 * @throws {ZssError} `invalid_export` when it is no folder.
 */
export function openFolder(spec: ExportSpec, clock: Clock = systemClock): FolderTree {
  const refuse = (reason: string) =>
    new ZssError("invalid_export", `Cannot export "${spec.name}": ${reason}`, { hint: "name an existing folder" });
  try {
    const root = realpathSync(spec.path);
    const stats = statSync(root, { bigint: true });
    if (!stats.isDirectory()) throw refuse(`"${spec.path}" is not a folder`);
    return new FolderTree(spec, new Confinement(root), stats, clock);
  } catch (error) {
    throw error instanceof ZssError ? error : refuse(errorText(error));
  }
}

/** The tree of one exported folder. */
export class FolderTree implements FileTree {
  readonly description: TreeDescription;
  readonly root: bigint;
  readonly editing: TreeEditing | undefined;
  readonly xattrs: TreeXattrs | undefined;
  readonly locks = linuxLibc() !== undefined;
  readonly #core: FolderCore;

  /** @param identity Of the folder itself. */
  constructor(spec: ExportSpec, boundary: Confinement, identity: Identity, clock: Clock = systemClock) {
    const kind = currentOs.folderKind;
    this.description = {
      name: spec.name,
      read_only: spec.mode === "ro",
      description: spec.path,
      source_kind: kind,
      source_id: `${kind}:${spec.name}`,
    };
    this.#core = new FolderCore(boundary, identity, clock);
    this.root = this.#core.ids.root.id;
    this.editing = spec.mode === "ro" ? undefined : new FolderEditing(this.#core);
    this.xattrs = FolderXattrs.of(this.#core, spec.mode !== "ro");
  }

  /** Whether changes by others are heard of. */
  get watches(): boolean {
    return this.#core.watches;
  }

  async lookup(parent: bigint, name: string): Promise<FileAttributes> {
    const again = await this.#core.lookAgain(parent, name);
    if (again !== undefined) return again;
    return await this.#core.inDirectory(parent, async (directory) => {
      requireVisible(name);
      const at = join(directory.at, name);
      const found = await this.#core.boundary.follow(at);
      const attributes = await this.#describe(directory, found);
      // Where no link was followed, none needs to be looked for.
      if (found.path === join(directory.path, name)) return attributes;
      return (await lstat(at)).isSymbolicLink() ? { ...attributes, link: true } : attributes;
    });
  }

  attributes(node: bigint): Promise<FileAttributes> {
    return this.#core.locate(node, ({ file, stats }) => Promise.resolve(this.#core.describe(file, stats)));
  }

  list(directory: bigint, links = false): Promise<readonly DirectoryEntry[]> {
    return this.#core.inDirectory(directory, async (located) => {
      const names = (await readdir(located.at))
        .filter((name) =>
          !isHidden(name, currentOs.name) && isOrdinaryName(name, currentOs.name) &&
          childNameProblem(name) === undefined
        )
        .sort();
      const entries: DirectoryEntry[] = [];
      for (let start = 0; start < names.length; start += LOOKS_AT_ONCE) {
        const looks = names.slice(start, start + LOOKS_AT_ONCE).map((name) => this.#entry(located, name, links));
        for (const entry of await Promise.all(looks)) if (entry !== undefined) entries.push(entry);
      }
      this.#core.ids.keepOnly(located.file, new Set(names));
      this.#core.looked(located.file);
      return entries;
    });
  }

  parent(node: bigint): bigint {
    return (this.#core.known(node).parent ?? this.#core.ids.root).id;
  }

  open(node: bigint, access: Access): Promise<OpenFile> {
    return this.#withHandle(node, access, (located, handle) => this.#core.opened(handle, located.file, access));
  }

  truncate(node: bigint, size: number): Promise<void> {
    return this.#withHandle(node, "write", async (located, handle) => {
      const file = await this.#core.opened(handle, located.file, "write");
      try {
        await this.#core.during([located.file], async () => {
          await handle.truncate(size);
          const stats = await handle.stat({ bigint: true });
          this.#core.describe(located.file, stats);
          this.#core.emit({ node, what: "all", generation: stats.mtimeNs });
        });
      } finally {
        await file.close();
      }
    });
  }

  readLink(parent: bigint, name: string): Promise<string> {
    return this.#core.inDirectory(parent, async (directory) => {
      requireVisible(name);
      const at = join(directory.at, name);
      if (!(await lstat(at)).isSymbolicLink()) throw new FsError(Errno.EINVAL, "invalid argument: not a symbolic link");
      return await readlink(at);
    });
  }

  numbers(node: bigint): Promise<FileSystemNumbers> {
    return this.#core.locate(node, async ({ at }) => {
      const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(at);
      return { bsize, frsize: bsize, blocks, bfree, bavail, files, ffree, favail: ffree, namemax: 255 };
    });
  }

  onChange(listener: (change: TreeChange) => void): () => void {
    return this.#core.onChange(listener);
  }

  /** Opens the file of an id and uses the handle; closes it when that fails. */
  async #withHandle<Value>(
    node: bigint,
    access: Access,
    use: (located: Located, handle: FileHandle) => Promise<Value>,
  ): Promise<Value> {
    let handle: FileHandle | undefined;
    try {
      return await this.#core.locate(node, async (located) => {
        if (located.stats.isDirectory()) throw new FsError(Errno.EISDIR, "is a directory");
        if (access !== "read" && this.editing === undefined) throw readOnlyError();
        // Opening a device may do something, and a pipe has no content to read at an offset.
        if (!located.stats.isFile()) throw new FsError(Errno.EACCES, "access denied: not a regular file");
        handle = await this.#core.boundary.openHeld(located, OPEN_FLAGS[access]);
        return await use(located, handle);
      });
    } catch (error) {
      // It may be closed already.
      await handle?.close().catch(() => {});
      throw error;
    }
  }

  /** A child for a listing; undefined for one that cannot be shown, as a link that cannot be followed unless `links`. */
  #entry(directory: Located, name: string, links: boolean): Promise<DirectoryEntry | undefined> {
    let link: BigIntStats | undefined;
    return inProtocolWords(async () => {
      const at = join(directory.at, name);
      const stats = await lstat(at, { bigint: true });
      if (links && stats.isSymbolicLink()) link = stats;
      const found = stats.isSymbolicLink()
        ? await this.#core.boundary.follow(at)
        : { path: join(directory.path, name), stats };
      const attributes = await this.#describe(directory, found);
      return { name, attributes: stats.isSymbolicLink() ? { ...attributes, link: true } : attributes };
    }).catch((error: unknown) => {
      // Gone meanwhile, a dangling link, one that leaves the root, or behind a directory that may not be entered.
      const skipped: readonly Errno[] = [Errno.ENOENT, Errno.EACCES, Errno.ENOTDIR];
      if (error instanceof FsError && skipped.includes(error.errno)) {
        return link === undefined ? undefined : { name, attributes: linkAttributes(link) };
      }
      throw error;
    });
  }

  /** Notes where a file stands, and the directories above it when a link led elsewhere. */
  async #describe(directory: Located, found: Found): Promise<FileAttributes> {
    const { root } = this.#core.boundary;
    const steps = stepsBelow(root, found.path);
    const last = steps.at(-1) ?? "";
    // The usual case: what the name stands for is in the directory itself.
    if (steps.length > 0 && join(directory.path, last) === found.path) {
      return this.#core.describe(this.#core.note(directory.file, last, found.stats), found.stats);
    }
    let file = this.#core.ids.root;
    let path = root;
    for (const step of steps) {
      path = join(path, step);
      const above = path === found.path ? found : await this.#core.boundary.follow(path);
      if (above.path !== path) throw noSuchNode();
      file = this.#core.note(file, step, above.stats);
    }
    return this.#core.describe(file, found.stats);
  }
}

/** Of a link that cannot be followed: that it is there, and nothing of what it leads to, whose length is its size. */
function linkAttributes(stats: BigIntStats): FileAttributes {
  return { ...attributesOf(0n, stats), k: 3, sz: 0, link: true };
}
