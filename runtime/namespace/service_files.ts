/**
 * The files through which a service is used: the tree under its mount.
 *
 * This module keeps the tree: names, modes, contents, generations. What the
 * contents say and what a write causes is decided by whoever owns the service;
 * see `runtime/host/service.ts`. A content is always replaced whole, so a
 * reader never sees half of one.
 *
 * Source: docs/service_files.md.
 *
 * @module
 */

import { Errno, type FileAttributes, FsError } from "../../control/protocol/mod.ts";
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

/** Files that only the node writes. */
export type StateFile =
  | "README.md"
  | "SCHEMA.json"
  | "TEMPLATE.json"
  | "HOST.json"
  | "result.json"
  | "status.json"
  | "last_error.txt"
  | "metrics.json"
  | "health.json";

/** Files that clients write, and that make something happen. */
export type ControlFile =
  | "config.json"
  | "control/invoke.json"
  | "control/reset"
  | "control/enable"
  | "control/disable"
  | "control/restart";

/** Called after each write to a control file, with its whole content. What it returns is added to the answer. */
export type WriteHook = (file: ControlFile, content: Uint8Array) => Promise<Omit<WriteResult, "n">>;

/** Lower-case twins, as the reference has them. */
const twins: ReadonlyMap<string, StateFile> = new Map([["schema.json", "SCHEMA.json"], [
  "template.json",
  "TEMPLATE.json",
]]);

const stateFiles: readonly StateFile[] = [
  "README.md",
  "SCHEMA.json",
  "TEMPLATE.json",
  "HOST.json",
  "result.json",
  "status.json",
  "last_error.txt",
  "metrics.json",
  "health.json",
];

const controlFiles: readonly ControlFile[] = [
  "config.json",
  "control/invoke.json",
  "control/reset",
  "control/enable",
  "control/disable",
  "control/restart",
];

/** Largest content of a file that clients write, in bytes. */
const MAX_CONTENT_BYTES = 1_048_576;

interface FileNode {
  readonly id: bigint;
  readonly parent: bigint;
  readonly name: string;
  /** Present on a file that clients may write. */
  readonly control: ControlFile | undefined;
  /** `undefined`: a directory. */
  content: Uint8Array | undefined;
  generation: bigint;
}

const ROOT = 1n;
const CONTROL = 2n;

/** The tree of one service. */
export class ServiceFiles implements FileTree {
  readonly description: TreeDescription;
  readonly root = ROOT;
  readonly #nodes = new Map<bigint, FileNode>();
  readonly #byPath = new Map<string, FileNode>();
  readonly #listeners = new Set<(change: TreeChange) => void>();
  readonly #onWrite: WriteHook;
  readonly #owner: { readonly uid: number; readonly gid: number };

  constructor(serviceId: string, onWrite: WriteHook, owner = { uid: 0, gid: 0 }) {
    this.description = {
      name: `svc-${serviceId}`,
      read_only: false,
      description: `namespace service ${serviceId}`,
      source_kind: "namespace",
      source_id: `service:${serviceId}`,
    };
    this.#onWrite = onWrite;
    this.#owner = owner;
    this.#add("", ROOT, ROOT, undefined, undefined);
    this.#add("control", CONTROL, ROOT, undefined, undefined);
    let id = CONTROL;
    for (const path of [...stateFiles, ...twins.keys()]) this.#add(path, ++id, ROOT, new Uint8Array(), undefined);
    for (const path of controlFiles) {
      this.#add(path, ++id, path.startsWith("control/") ? CONTROL : ROOT, new Uint8Array(), path);
    }
  }

  /** Text of a file. */
  text(file: StateFile | ControlFile): string {
    return new TextDecoder().decode(this.#file(file).content);
  }

  /** Replaces the content of a file and tells who listens. */
  set(file: StateFile | ControlFile, content: string | Uint8Array): void {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    this.#replace(this.#file(file), bytes, "data");
    for (const [twin, original] of twins) {
      const node = this.#byPath.get(twin);
      if (original === file && node !== undefined) this.#replace(node, bytes, "data");
    }
  }

  lookup(parent: bigint, name: string): Promise<FileAttributes> {
    return this.#answer(() => {
      this.#directory(parent);
      const node = [...this.#nodes.values()].find((child) =>
        child.parent === parent && child.name === name && child.id !== ROOT
      );
      if (node === undefined) throw noSuchNode();
      return this.#attributes(node);
    });
  }

  attributes(node: bigint): Promise<FileAttributes> {
    return this.#answer(() => this.#attributes(this.#node(node)));
  }

  list(directory: bigint): Promise<readonly DirectoryEntry[]> {
    return this.#answer(() => {
      this.#directory(directory);
      return [...this.#nodes.values()]
        .filter((node) => node.parent === directory && node.id !== ROOT)
        .sort((a, b) => a.name < b.name ? -1 : 1)
        .map((node) => ({ name: node.name, attributes: this.#attributes(node) }));
    });
  }

  parent(node: bigint): bigint {
    return this.#node(node).parent;
  }

  open(id: bigint, access: Access): Promise<OpenFile> {
    return this.#answer(() => {
      const node = this.#node(id);
      if (node.content === undefined) throw new FsError(Errno.EISDIR, "is a directory");
      if (access !== "read" && node.control === undefined) throw readOnlyError();
      return this.#handle(node, access);
    });
  }

  truncate(id: bigint, size: number): Promise<void> {
    return this.#answer(() => {
      const node = this.#node(id);
      if (node.content === undefined) throw new FsError(Errno.EISDIR, "is a directory");
      if (node.control === undefined) throw readOnlyError();
      if (size > MAX_CONTENT_BYTES) {
        throw new FsError(Errno.ENOSPC, `no space left: a file here holds at most ${MAX_CONTENT_BYTES} bytes`);
      }
      const content = new Uint8Array(size);
      content.set(node.content.subarray(0, size));
      this.#replace(node, content, "all");
    });
  }

  numbers(): Promise<FileSystemNumbers> {
    const zero = { blocks: 0, bfree: 0, bavail: 0, files: this.#nodes.size, ffree: 0, favail: 0 };
    return Promise.resolve({ bsize: 4096, frsize: 4096, ...zero, namemax: 255 });
  }

  onChange(listener: (change: TreeChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #handle(node: FileNode, access: Access): OpenFile {
    const readable = access !== "write";
    const writable = access !== "read";
    return {
      readable,
      writable,
      generation: node.generation,
      read: (offset, length) =>
        this.#answer(() => {
          if (!readable) throw new FsError(Errno.EBADF, "handle not readable");
          const content = node.content ?? new Uint8Array();
          return { bytes: content.slice(offset, offset + length), eof: offset + length >= content.length };
        }),
      write: async (offset, bytes) => {
        const { control, content } = node;
        if (!writable || control === undefined || content === undefined) {
          throw new FsError(Errno.EBADF, "handle not writable");
        }
        const end = offset + bytes.length;
        if (end > MAX_CONTENT_BYTES) {
          throw new FsError(Errno.ENOSPC, `no space left: a file here holds at most ${MAX_CONTENT_BYTES} bytes`);
        }
        const next = new Uint8Array(Math.max(content.length, end));
        next.set(content);
        next.set(bytes, offset);
        this.#replace(node, next, "data");
        return { n: bytes.length, ...await this.#onWrite(control, next) };
      },
      close: () => Promise.resolve(),
    };
  }

  #replace(node: FileNode, content: Uint8Array, what: "data" | "all"): void {
    node.content = content;
    node.generation++;
    for (const listener of this.#listeners) listener({ node: node.id, what, generation: node.generation });
  }

  #add(
    path: string,
    id: bigint,
    parent: bigint,
    content: Uint8Array | undefined,
    control: ControlFile | undefined,
  ): void {
    const node = { id, parent, name: path.split("/").at(-1) ?? "", control, content, generation: id };
    this.#nodes.set(id, node);
    this.#byPath.set(path, node);
  }

  #attributes(node: FileNode): FileAttributes {
    const isDirectory = node.content === undefined;
    const mode = isDirectory
      ? (node.id === ROOT ? 0o040555 : 0o040755)
      : node.control === undefined
      ? 0o100444
      : 0o100644;
    return {
      id: node.id,
      k: isDirectory ? 2 : 1,
      m: mode,
      n: isDirectory ? 2 : 1,
      u: this.#owner.uid,
      g: this.#owner.gid,
      sz: node.content?.length ?? 0,
      at: 0n,
      mt: 0n,
      ct: 0n,
      gen: node.generation,
    };
  }

  #file(path: StateFile | ControlFile): FileNode {
    const node = this.#byPath.get(path);
    if (node === undefined) throw new RangeError(`No file "${path}" in the tree of a service`);
    return node;
  }

  #node(id: bigint): FileNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw noSuchNode();
    return node;
  }

  #directory(id: bigint): void {
    if (this.#node(id).content !== undefined) throw new FsError(Errno.ENOTDIR, "not a directory");
  }

  /** Makes a synchronous answer a promise, refusals included. */
  #answer<T>(body: () => T): Promise<T> {
    return new Promise((resolve) => resolve(body()));
  }
}
