/**
 * Making, moving and removing files of an exported folder.
 *
 * A parent directory is held while something is done to a name in it, and
 * nothing here follows a link that has that name.
 *
 * @module
 */

import { type BigIntStats, constants } from "node:fs";
import { chmod, lstat, mkdir, open, rename, rmdir, stat, symlink, unlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { Errno, type FileAttributes, FsError } from "../../control/protocol/mod.ts";
import { currentOs } from "../../drivers/process/mod.ts";
import { linuxLibc } from "./libc.ts";
import type { Access, AttributeChanges, CreatedFile, TreeChange, TreeEditing } from "../namespace/tree.ts";
import { isSameFile } from "./file_ids.ts";
import { type FolderCore, type Located, requireStorable, requireVisible } from "./folder_core.ts";

/** Never more than these: whoever runs a file must not become its owner by it. */
const PERMISSIONS = 0o777;

const CREATE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/** Changes an exported folder. */
export class FolderEditing implements TreeEditing {
  readonly symlink: TreeEditing["symlink"];
  readonly #core: FolderCore;

  constructor(core: FolderCore) {
    this.#core = core;
    // On Windows a link needs a right that few have, and must know what it points to.
    if (currentOs.name !== "windows") this.symlink = (parent, name, target) => this.#symlink(parent, name, target);
  }

  create(parent: bigint, name: string, mode: number, access: Access): Promise<CreatedFile> {
    return this.#core.inDirectory(parent, async (directory) => {
      requireStorable(name);
      return await this.#core.act("create", [[directory, name]], async () => {
        const handle = await open(join(directory.at, name), CREATE, mode & PERMISSIONS);
        try {
          const stats = await handle.stat({ bigint: true });
          this.#core.ids.forgetAt(directory.file, name);
          const known = this.#core.note(directory.file, name, stats);
          const file = await this.#core.opened(handle, known, access);
          const attributes = this.#core.describe(known, stats);
          this.#emit({ directory: parent }, { node: known.id, what: "all", generation: stats.mtimeNs });
          return { attributes, file };
        } catch (error) {
          await handle.close();
          throw error;
        }
      });
    });
  }

  makeDirectory(parent: bigint, name: string): Promise<void> {
    return this.#core.inDirectory(parent, async (directory) => {
      requireStorable(name);
      await this.#core.act("create", [[directory, name]], () => mkdir(join(directory.at, name)));
      this.#emit({ directory: parent });
    });
  }

  unlink(parent: bigint, name: string): Promise<void> {
    return this.#core.inDirectory(parent, async (directory) => {
      // Asked first: the runtime's own call takes an empty directory for a file.
      const stats = await this.#child(directory, name);
      if (stats.isDirectory()) throw new FsError(Errno.EISDIR, "is a directory");
      await this.#core.act("remove", [[directory, name]], async () => {
        await unlink(join(directory.at, name));
        this.#core.ids.forgetAt(directory.file, name);
      });
      this.#emit({ directory: parent });
    });
  }

  removeDirectory(parent: bigint, name: string): Promise<void> {
    return this.#core.inDirectory(parent, async (directory) => {
      const stats = await this.#child(directory, name);
      if (!stats.isDirectory()) throw new FsError(Errno.ENOTDIR, "not a directory");
      await this.#core.act("remove", [[directory, name]], async () => {
        await rmdir(join(directory.at, name));
        this.#core.ids.forgetAt(directory.file, name);
      });
      this.#emit({ directory: parent });
    });
  }

  rename(oldParent: bigint, oldName: string, newParent: bigint, newName: string): Promise<void> {
    return this.#core.inDirectory(oldParent, (from) =>
      this.#core.inDirectory(newParent, async (to) => {
        const stats = await this.#child(from, oldName);
        requireStorable(newName);
        if (oldParent === newParent && oldName === newName) return;
        const changes: TreeChange[] = [{ directory: oldParent }];
        if (newParent !== oldParent) changes.push({ directory: newParent });
        await this.#core.act("rename", [[from, oldName], [to, newName]], async () => {
          await rename(join(from.at, oldName), join(to.at, newName));
          const replaced = this.#core.ids.at([...this.#core.ids.steps(to.file), newName]);
          if (replaced !== undefined && !isSameFile(replaced.identity, stats)) {
            this.#core.ids.forgetAt(to.file, newName);
          }
          if (stats.isSymbolicLink()) return;
          const moved = this.#core.note(to.file, newName, stats);
          // Moving changes the time of change, which would look like somebody else's doing.
          const now = await lstat(join(to.at, newName), { bigint: true }).catch(() => undefined);
          if (now !== undefined && isSameFile(now, stats)) this.#core.describe(moved, now);
          changes.push({ node: moved.id, what: "all", generation: stats.mtimeNs });
        });
        this.#emit(...changes);
      }));
  }

  setAttributes(node: bigint, { mode, at, mt }: AttributeChanges): Promise<FileAttributes> {
    return this.#core.locate(node, (located) =>
      this.#core.during([located.file], async () => {
        const { file, stats } = located;
        if (mode !== undefined) await chmod(located.at, mode & PERMISSIONS);
        if (at !== undefined || mt !== undefined) {
          const libc = linuxLibc();
          if (libc !== undefined) libc.setTimes(located.at, at, mt);
          else await utimes(located.at, seconds(at ?? stats.atimeNs), seconds(mt ?? stats.mtimeNs));
        }
        const now = await stat(located.at, { bigint: true });
        const attributes = this.#core.describe(file, now);
        this.#emit({ node: file.id, what: "attr", generation: now.mtimeNs });
        return attributes;
      }));
  }

  #symlink(parent: bigint, name: string, target: string): Promise<void> {
    return this.#core.inDirectory(parent, async (directory) => {
      requireStorable(name);
      await this.#core.act("create", [[directory, name]], () => symlink(target, join(directory.at, name)));
      this.#emit({ directory: parent });
    });
  }

  /** What stands at a name, a link included. */
  #child(directory: Located, name: string): Promise<BigIntStats> {
    requireVisible(name);
    return lstat(join(directory.at, name), { bigint: true });
  }

  #emit(...changes: readonly TreeChange[]): void {
    this.#core.emit(...changes);
  }
}

/** As the runtime takes times; a little more, or what it cuts off would be a millisecond less. */
function seconds(nanoseconds: bigint): number {
  return Number(nanoseconds) / 1e9 + 3e-7;
}
