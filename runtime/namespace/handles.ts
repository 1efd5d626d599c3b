/**
 * The open files of one connection.
 *
 * @module
 */

import { Errno, FsError } from "../../control/protocol/mod.ts";
import type { FileTree, OpenFile } from "./tree.ts";

/** What a table of handles needs. */
export interface HandleTableOptions {
  /** Gives numbers that are never the same twice, over all connections. */
  readonly nextNumber: () => bigint;
  /** How many files may be open; beyond, the one that is only read and was not used for the longest time is closed. */
  readonly limit: number;
  /** Told of a file that was closed without a request for it and could not be. */
  readonly onError: (error: unknown) => void;
}

interface Handle {
  readonly tree: FileTree;
  readonly file: OpenFile;
}

/** Handles by their number on the wire. Every file that is put in is closed exactly once. */
export class HandleTable {
  readonly #options: HandleTableOptions;
  /** In the order of use. */
  readonly #handles = new Map<bigint, Handle>();
  #closed = false;

  constructor(options: HandleTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#handles.size;
  }

  /**
   * Puts a file in and returns its number.
   *
   * A connection may end while a file is being opened for it; the file is closed then, and `EBADF` thrown to nobody.
   *
   * @throws {FsError} `EAGAIN` when all files that are open are being written: what somebody writes is not cut off.
   */
  add(tree: FileTree, file: OpenFile): bigint {
    if (this.#closed) {
      this.#end(file);
      throw unknownHandle();
    }
    if (this.#handles.size >= this.#options.limit && !this.#closeOldest()) {
      this.#end(file);
      throw new FsError(Errno.EAGAIN, `would block: ${this.#options.limit} files are being written`);
    }
    const number = this.#options.nextNumber();
    this.#handles.set(number, { tree, file });
    return number;
  }

  /** The tree that an open file is in, if the number stands for one. */
  treeOf(number: bigint): FileTree | undefined {
    return this.#handles.get(number)?.tree;
  }

  /** The file of a number. @throws {FsError} `EBADF`. */
  get(number: bigint): OpenFile {
    const handle = this.#handles.get(number);
    if (handle === undefined) throw unknownHandle();
    this.#handles.delete(number);
    this.#handles.set(number, handle);
    return handle.file;
  }

  /** Closes a file; from now on its number means nothing, also when closing fails. @throws {FsError} `EBADF`. */
  async close(number: bigint): Promise<void> {
    const file = this.get(number);
    this.#handles.delete(number);
    await file.close();
  }

  /** Closes the files of a tree. */
  closeTree(tree: FileTree): void {
    for (const [number, handle] of this.#handles) {
      if (handle.tree !== tree) continue;
      this.#handles.delete(number);
      this.#end(handle.file);
    }
  }

  /** Closes every file, and every one that is still put in. */
  closeAll(): void {
    this.#closed = true;
    for (const { file } of this.#handles.values()) this.#end(file);
    this.#handles.clear();
  }

  #closeOldest(): boolean {
    for (const [oldest, { file }] of this.#handles) {
      if (file.writable) continue;
      this.#handles.delete(oldest);
      this.#end(file);
      return true;
    }
    return false;
  }

  #end(file: OpenFile): void {
    file.close().catch(this.#options.onError);
  }
}

function unknownHandle(): FsError {
  return new FsError(Errno.EBADF, "unknown handle");
}
