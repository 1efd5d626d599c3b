/**
 * A tree of files that live in memory and change as a whole.
 *
 * Clients can read what is there and write to the files that have a writer;
 * they can make, remove and rename nothing. The owner adds and removes files
 * and replaces contents. A content is never changed in place, so a reader sees
 * the old one or the new one and an open handle reads the content as it is at
 * each read, also after the file was removed.
 *
 * @module
 */

import { Errno, type FileAttributes, FsError } from "../../control/protocol/fs.ts";
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
  type WriteResult,
} from "./tree.ts";

/** Takes what clients write to a file. */
export interface FileWriter {
  /** Begins a handle that may write. */
  open(): HandleWriter;
  truncate(size: number): void;
}

/** Takes what is written through one handle. */
export interface HandleWriter {
  write(offset: number, bytes: Uint8Array): Promise<WriteResult>;
  /** Ends the handle; throws to say that what was written through it is of no use. */
  close(): void;
}

/** Who owns the files. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** A directory of the tree. */
export interface SyntheticDirectory {
  readonly id: bigint;
  readonly parent: bigint;
  readonly name: string;
  readonly mode: number;
  readonly generation: bigint;
  readonly children: Map<string, SyntheticNode>;
}

/** A file of the tree. */
export interface SyntheticFile {
  readonly id: bigint;
  readonly parent: bigint;
  readonly name: string;
  readonly writer: FileWriter | undefined;
  content: Uint8Array;
  generation: bigint;
}

type SyntheticNode = SyntheticDirectory | SyntheticFile;

const ROOT_ID = 1n;
const BLOCK = 4096;

/** Bytes that the file system claims to have free, so that tools which look before they write go on. */
const CLAIMED_FREE_BLOCKS = 256;

const MODE_DIRECTORY = 0o040000;
const MODE_READ_ONLY_FILE = 0o100444;
const MODE_WRITABLE_FILE = 0o100644;

/** A {@linkcode FileTree} over files in memory. */
export class SyntheticTree implements FileTree {
  readonly description: TreeDescription;
  readonly root = ROOT_ID;
  readonly refusalFor: FileTree["refusalFor"];
  readonly rootDirectory: SyntheticDirectory;
  readonly #owner: Owner;
  readonly #nodes = new Map<bigint, SyntheticNode>();
  readonly #listeners = new Set<(change: TreeChange) => void>();
  #lastId = ROOT_ID;

  /** @param refusalFor Why the tree is not for somebody; it is for everybody unless told. */
  constructor(description: TreeDescription, owner: Owner, refusalFor?: FileTree["refusalFor"]) {
    this.description = description;
    this.#owner = owner;
    this.refusalFor = refusalFor;
    this.rootDirectory = {
      id: ROOT_ID,
      parent: ROOT_ID,
      name: "",
      mode: MODE_DIRECTORY | 0o555,
      generation: ROOT_ID,
      children: new Map(),
    };
    this.#nodes.set(ROOT_ID, this.rootDirectory);
  }

  /** Adds a directory; listeners are not told. @param permissions For example 0o555. */
  addDirectory(parent: SyntheticDirectory, name: string, permissions: number): SyntheticDirectory {
    const id = ++this.#lastId;
    const mode = MODE_DIRECTORY | permissions;
    const directory = { id, parent: parent.id, name, mode, generation: id, children: new Map() };
    return this.#add(parent, directory);
  }

  /** Adds a file; listeners are not told. Without a writer it is read-only. */
  addFile(parent: SyntheticDirectory, name: string, content: Uint8Array, writer?: FileWriter): SyntheticFile {
    const id = ++this.#lastId;
    return this.#add(parent, { id, parent: parent.id, name, writer, content, generation: id });
  }

  /** Removes a directory and all that is in it; listeners are not told. */
  removeDirectory(directory: SyntheticDirectory): void {
    for (const child of directory.children.values()) this.#nodes.delete(child.id);
    this.#nodes.delete(directory.id);
    const parent = this.#nodes.get(directory.parent);
    if (parent !== undefined && isDirectory(parent)) parent.children.delete(directory.name);
  }

  /** Replaces a content and returns the change, of which listeners are not told yet. */
  replace(file: SyntheticFile, content: Uint8Array, what: "data" | "all" = "data"): TreeChange {
    file.content = content;
    file.generation++;
    return { node: file.id, what, generation: file.generation };
  }

  /** Tells listeners. */
  emit(changes: readonly TreeChange[]): void {
    for (const change of changes) for (const listener of [...this.#listeners]) listener(change);
  }

  lookup(parent: bigint, name: string): Promise<FileAttributes> {
    return answer(() => {
      const child = this.#directory(parent).children.get(name);
      if (child === undefined) throw noSuchNode();
      return this.#attributesOf(child);
    });
  }

  attributes(node: bigint): Promise<FileAttributes> {
    return answer(() => this.#attributesOf(this.#node(node)));
  }

  list(directory: bigint): Promise<readonly DirectoryEntry[]> {
    return answer(() =>
      [...this.#directory(directory).children.values()]
        .sort((a, b) => a.name < b.name ? -1 : 1)
        .map((child) => ({ name: child.name, attributes: this.#attributesOf(child) }))
    );
  }

  parent(node: bigint): bigint {
    return this.#node(node).parent;
  }

  open(node: bigint, access: Access): Promise<OpenFile> {
    return answer(() => this.#handle(this.#file(node), access));
  }

  truncate(node: bigint, size: number): Promise<void> {
    return answer(() => {
      const { writer } = this.#file(node);
      if (writer === undefined) throw readOnlyError();
      writer.truncate(size);
    });
  }

  numbers(): Promise<FileSystemNumbers> {
    let used = 0;
    for (const node of this.#nodes.values()) if (!isDirectory(node)) used += Math.ceil(node.content.length / BLOCK);
    const free = CLAIMED_FREE_BLOCKS;
    return Promise.resolve({
      bsize: BLOCK,
      frsize: BLOCK,
      blocks: used + free,
      bfree: free,
      bavail: free,
      files: this.#nodes.size,
      ffree: 0,
      favail: 0,
      namemax: 255,
    });
  }

  onChange(listener: (change: TreeChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #add<Node extends SyntheticNode>(parent: SyntheticDirectory, node: Node): Node {
    if (parent.children.has(node.name)) throw new RangeError(`Cannot add "${node.name}": the name is taken`);
    this.#nodes.set(node.id, node);
    parent.children.set(node.name, node);
    return node;
  }

  #handle(file: SyntheticFile, access: Access): OpenFile {
    const readable = access === "read" || access === "read_write";
    const writable = access !== "read";
    if (writable && file.writer === undefined) throw readOnlyError();
    const writer = writable ? file.writer?.open() : undefined;
    return {
      readable,
      writable,
      generation: file.generation,
      read: (offset, length) =>
        answer(() => {
          if (!readable) throw new FsError(Errno.EBADF, "handle not readable");
          const { content } = file;
          return { bytes: content.slice(offset, offset + length), eof: offset + length >= content.length };
        }),
      write: (offset, bytes) =>
        answer(() => {
          if (writer === undefined) throw new FsError(Errno.EBADF, "handle not writable");
          return writer.write(offset, bytes);
        }),
      close: () => answer(() => writer?.close()),
    };
  }

  #attributesOf(node: SyntheticNode): FileAttributes {
    const directory = isDirectory(node);
    return {
      id: node.id,
      k: directory ? 2 : 1,
      m: directory ? node.mode : node.writer === undefined ? MODE_READ_ONLY_FILE : MODE_WRITABLE_FILE,
      n: directory ? 2 : 1,
      u: this.#owner.uid,
      g: this.#owner.gid,
      sz: directory ? 0 : node.content.length,
      at: 0n,
      mt: 0n,
      ct: 0n,
      gen: node.generation,
    };
  }

  #node(id: bigint): SyntheticNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw noSuchNode();
    return node;
  }

  #directory(id: bigint): SyntheticDirectory {
    const node = this.#node(id);
    if (!isDirectory(node)) throw new FsError(Errno.ENOTDIR, "not a directory");
    return node;
  }

  #file(id: bigint): SyntheticFile {
    const node = this.#node(id);
    if (isDirectory(node)) throw new FsError(Errno.EISDIR, "is a directory");
    return node;
  }
}

function isDirectory(node: SyntheticNode): node is SyntheticDirectory {
  return "children" in node;
}

/** Makes a synchronous answer a promise, refusals included. */
function answer<Value>(body: () => Value | Promise<Value>): Promise<Value> {
  return new Promise((resolve) => resolve(body()));
}
