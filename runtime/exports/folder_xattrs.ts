/**
 * Extended attributes of the files of an exported folder.
 *
 * Only those of users (`user.*`) are shown and taken: with others a client
 * would change what a file may do on this machine.
 *
 * @module
 */

import { stat } from "node:fs/promises";
import { Errno, FsError } from "../../control/protocol/mod.ts";
import { readOnlyError, type TreeXattrs } from "../namespace/tree.ts";
import type { FolderCore } from "./folder_core.ts";
import { type Libc, linuxLibc } from "./libc.ts";
import { hasSystemCode } from "./system_errors.ts";

const PREFIX = "user.";

/** The attributes of one folder. */
export class FolderXattrs implements TreeXattrs {
  readonly #core: FolderCore;
  readonly #libc: Libc;
  readonly #writable: boolean;

  private constructor(core: FolderCore, libc: Libc, writable: boolean) {
    this.#core = core;
    this.#libc = libc;
    this.#writable = writable;
  }

  /** Undefined where the system, or the file system of the folder, has no such attributes. */
  static of(core: FolderCore, writable: boolean): FolderXattrs | undefined {
    const libc = linuxLibc();
    if (libc === undefined) return undefined;
    try {
      libc.getAttribute(core.boundary.root, `${PREFIX}zss`);
    } catch (error) {
      if (!hasSystemCode(error, "ENODATA")) return undefined;
    }
    return new FolderXattrs(core, libc, writable);
  }

  get(node: bigint, name: string): Promise<Uint8Array> {
    return this.#at(node, (at) => {
      if (!name.startsWith(PREFIX)) throw new FsError(Errno.ENODATA, "no data");
      return this.#libc.getAttribute(at, name);
    });
  }

  list(node: bigint): Promise<readonly string[]> {
    return this.#at(node, (at) => this.#libc.listAttributes(at).filter((name) => name.startsWith(PREFIX)).sort());
  }

  set(node: bigint, name: string, value: Uint8Array, flags: number): Promise<void> {
    return this.#change(node, name, (at) => this.#libc.setAttribute(at, name, value, flags & 3));
  }

  remove(node: bigint, name: string): Promise<void> {
    return this.#change(node, name, (at) => this.#libc.removeAttribute(at, name));
  }

  #at<Value>(node: bigint, use: (at: string) => Value): Promise<Value> {
    return this.#core.locate(node, ({ at }) => Promise.resolve(use(at)));
  }

  #change(node: bigint, name: string, use: (at: string) => void): Promise<void> {
    if (!this.#writable) return Promise.reject(readOnlyError());
    return this.#core.locate(node, async ({ at, file }) => {
      if (!name.startsWith(PREFIX)) {
        throw new FsError(Errno.EACCES, `access denied: only attributes that begin with "${PREFIX}" can be set`);
      }
      await this.#core.during([file], async () => {
        use(at);
        const now = await stat(at, { bigint: true });
        this.#core.describe(file, now);
        this.#core.emit({ node: file.id, what: "attr", generation: now.mtimeNs });
      });
    });
  }
}
