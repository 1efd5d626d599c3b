/**
 * Speaks the file protocol for the trees of a node.
 *
 * Trees are numbered as they come and keep their number for as long as they are
 * served; a number is not used again. A file's id on the wire is that number
 * and, below it, the 48 bits of the id that its tree gave it.
 *
 * Requests of one connection are answered as they finish, so a long invoke
 * holds up nothing else.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { getLogger } from "@logtape/logtape";
import {
  Errno,
  errorText,
  type FileAttributes,
  FS_PROTO,
  FS_PROTOCOL,
  FsError,
  fsErrorFrame,
  type FsFrame,
  fsReplyFrame,
  isObject,
  parseFsFrame,
  stringifyJson,
} from "../../control/protocol/mod.ts";
import type { Access, DirectoryEntry, FileTree, OpenFile, TreeChange } from "./tree.ts";

const log = getLogger(["zss", "runtime", "files"]);

/** Most bytes in one read or write. */
export const MAX_TRANSFER_BYTES = 1_048_576;

/** Most entries in one page of a directory. */
const MAX_PAGE = 16_384;

const LOCAL_BITS = 48n;
const LOCAL_MASK = (1n << LOCAL_BITS) - 1n;

/** What the server says about its node. */
export interface NodeIdentity {
  readonly name: string;
  readonly os: string;
  readonly version: string;
}

interface Served {
  readonly number: bigint;
  readonly tree: FileTree;
  readonly stopListening: () => void;
}

interface Handle {
  readonly tree: FileTree;
  readonly file: OpenFile;
}

/** The files of a node. */
export class FileServer {
  readonly identity: NodeIdentity;
  readonly #connections = new Set<FileConnection>();
  #served: readonly Served[] = [];
  #nextNumber = 1n;
  #nextHandle = 1;

  constructor(identity: NodeIdentity) {
    this.identity = identity;
  }

  /** The trees in the order in which they are listed. */
  get trees(): readonly FileTree[] {
    return this.#served.map((served) => served.tree);
  }

  /** Serves these trees from now on. Those that were served already keep their ids and their open handles. */
  setTrees(trees: readonly FileTree[]): void {
    const before = new Map(this.#served.map((served) => [served.tree, served]));
    this.#served = trees.map((tree) => before.get(tree) ?? this.#serve(tree));
    for (const served of before.values()) {
      if (trees.includes(served.tree)) continue;
      served.stopListening();
      for (const connection of this.#connections) connection.dropTree(served.tree);
    }
  }

  /** Starts a connection; `send` takes the text of each frame. */
  connect(send: (frame: string) => void): FileConnection {
    const connection = new FileConnection(this, send, () => this.#connections.delete(connection));
    this.#connections.add(connection);
    return connection;
  }

  /** Number of a new handle; never the same twice. */
  nextHandle(): number {
    return this.#nextHandle++;
  }

  /** Finds the tree of a wire id. */
  resolve(id: bigint): { readonly tree: FileTree; readonly local: bigint } {
    const number = id >> LOCAL_BITS;
    const served = this.#served.find((candidate) => candidate.number === number);
    if (served === undefined) throw new FsError(Errno.ENOENT, "file not found");
    return { tree: served.tree, local: id & LOCAL_MASK };
  }

  /** Wire id of a file. */
  wireId(tree: FileTree, local: bigint): bigint {
    const served = this.#served.find((candidate) => candidate.tree === tree);
    if (served === undefined) throw new FsError(Errno.ENOENT, "file not found");
    return served.number << LOCAL_BITS | local;
  }

  #serve(tree: FileTree): Served {
    const number = this.#nextNumber++;
    return { number, tree, stopListening: tree.onChange((change) => this.#announce(number, change)) };
  }

  #announce(number: bigint, change: TreeChange): void {
    if (this.#connections.size === 0) return;
    const wire = (local: bigint) => number << LOCAL_BITS | local;
    const frame = "directory" in change
      ? { channel: "acheron", type: "acheron.e_fs_inval_dir", payload: { dir: wire(change.directory) } }
      : {
        channel: "acheron",
        type: "acheron.e_fs_inval",
        payload: { node: wire(change.node), what: change.what, gen: change.generation },
      };
    const text = stringifyJson(frame);
    for (const connection of this.#connections) connection.push(text);
  }
}

/** One client, or one tunnel with many clients behind it. */
export class FileConnection {
  readonly #server: FileServer;
  readonly #send: (frame: string) => void;
  readonly #onClosed: () => void;
  readonly #handles = new Map<number, Handle>();
  #closed = false;

  constructor(server: FileServer, send: (frame: string) => void, onClosed: () => void) {
    this.#server = server;
    this.#send = send;
    this.#onClosed = onClosed;
  }

  /** Takes one frame; settles when it has been answered. */
  async handle(text: string): Promise<void> {
    let frame: FsFrame | undefined;
    try {
      frame = parseFsFrame(text);
      const operation = frame.type.replace(/^acheron\.t_/, "");
      const answer = operations[operation];
      if (answer === undefined) throw new FsError(Errno.EINVAL, `UnsupportedType: "${frame.type}"`);
      if (!isObject(frame.payload)) throw new FsError(Errno.EINVAL, "InvalidPayload: payload must be an object");
      const payload = await answer(new Request(this.#server, this.#handles, frame, frame.payload));
      this.push(fsReplyFrame(operation, frame.tag, payload));
    } catch (error) {
      this.push(fsErrorFrame(frame?.tag, asFsError(error)));
    }
  }

  /** Sends a frame that nobody asked for. */
  push(text: string): void {
    if (!this.#closed) this.#send(text);
  }

  /** Closes the handles of a tree that is served no more. */
  dropTree(tree: FileTree): void {
    for (const [number, handle] of this.#handles) if (handle.tree === tree) this.#release(number, handle);
  }

  /** Closes every handle. */
  close(): void {
    this.#closed = true;
    for (const [number, handle] of this.#handles) this.#release(number, handle);
    this.#onClosed();
  }

  #release(number: number, handle: Handle): void {
    this.#handles.delete(number);
    handle.file.close().catch((error) => log.warn("Cannot close a file: {error}", { error: errorText(error) }));
  }
}

/** A request under way: what it names and what it carries. */
class Request {
  readonly server: FileServer;
  readonly handles: Map<number, Handle>;
  readonly #frame: FsFrame;
  readonly #payload: Record<string, unknown>;

  constructor(server: FileServer, handles: Map<number, Handle>, frame: FsFrame, payload: Record<string, unknown>) {
    this.server = server;
    this.handles = handles;
    this.#frame = frame;
    this.#payload = payload;
  }

  /** `READ` for `acheron.t_fs_read`. */
  get operation(): string {
    return this.#frame.type.replace("acheron.t_fs_", "").toUpperCase();
  }

  target(): { readonly tree: FileTree; readonly local: bigint } {
    const node = this.#frame.members["node"];
    if (node === undefined) throw new FsError(Errno.EINVAL, `${this.operation} requires node`);
    return this.server.resolve(unsigned(node, "node", 64));
  }

  handle(): { readonly number: number; readonly handle: Handle } {
    const given = this.#frame.members["h"];
    if (given === undefined) throw new FsError(Errno.EINVAL, `${this.operation} requires h`);
    const number = Number(unsigned(given, "h", 64));
    const handle = this.handles.get(number);
    if (handle === undefined) throw new FsError(Errno.EBADF, "unknown handle");
    return { number, handle };
  }

  text(name: string): string {
    const value = this.#payload[name];
    if (typeof value === "string") return value;
    throw new FsError(Errno.EINVAL, `${this.operation} requires a.${name}`);
  }

  number(name: string, fallback: number): number {
    const value = this.#payload[name];
    if (value === undefined) return fallback;
    const number = unsigned(value, name, 64);
    if (number > BigInt(Number.MAX_SAFE_INTEGER)) throw new FsError(Errno.EINVAL, `${name} must be below 2^53`);
    return Number(number);
  }

  childName(name: string): string {
    const child = this.text(name);
    if (child === "" || child === "." || child === ".." || /[/\\\0]/.test(child)) {
      throw new FsError(Errno.EINVAL, "invalid child name");
    }
    return child;
  }

  attributes(tree: FileTree, attributes: FileAttributes): FileAttributes {
    return { ...attributes, id: this.server.wireId(tree, attributes.id) };
  }
}

type Answer = (request: Request) => Promise<unknown> | unknown;

const refusedByReadOnlyTrees: Answer = (request) => {
  request.target();
  throw new FsError(Errno.EROFS, "export is read-only");
};

const notImplemented: Answer = () => {
  throw new FsError(Errno.ENOSYS, "source adapter operation not yet implemented");
};

/** The operations, by their name on the wire. */
const operations: Readonly<Record<string, Answer>> = {
  fs_hello: ({ server }) => ({
    protocol: FS_PROTOCOL,
    proto: FS_PROTO,
    node: { name: server.identity.name, os: server.identity.os, ver: server.identity.version },
    caps: {
      readdirp: true,
      symlink: false,
      xattr: false,
      locks: false,
      case_sensitive: true,
      max_read: MAX_TRANSFER_BYTES,
      max_write: MAX_TRANSFER_BYTES,
    },
  }),
  fs_exports: ({ server }) => ({
    exports: server.trees.map((tree) => ({
      name: tree.description.name,
      root: server.wireId(tree, tree.root),
      ro: tree.description.read_only,
      desc: tree.description.description,
      source_kind: tree.description.source_kind,
      source_id: tree.description.source_id,
      caps: { native_watch: false, case_sensitive: true, symlink: false, xattr: false, locks: false, statfs: true },
    })),
  }),
  fs_lookup: async (request) => {
    const { tree, local } = request.target();
    return { attr: request.attributes(tree, await tree.lookup(local, request.childName("name"))) };
  },
  fs_getattr: async (request) => {
    const { tree, local } = request.target();
    return { attr: request.attributes(tree, await tree.attributes(local)) };
  },
  fs_readdirp: readDirectory,
  fs_open: async (request) => {
    const { tree, local } = request.target();
    const file = await tree.open(local, accessOf(request.number("flags", 0)));
    const number = request.server.nextHandle();
    request.handles.set(number, { tree, file });
    return { h: number, caps: { rd: file.readable, wr: file.writable }, gen: file.generation };
  },
  fs_read: async (request) => {
    const { handle } = request.handle();
    const length = Math.min(request.number("len", 65_536), MAX_TRANSFER_BYTES);
    const { bytes, eof } = await handle.file.read(request.number("off", 0), length);
    return { data_b64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64"), eof };
  },
  fs_write: async (request) => {
    const { handle } = request.handle();
    const bytes = decodeBase64(request.text("data_b64"));
    if (bytes.length > MAX_TRANSFER_BYTES) throw new FsError(Errno.EINVAL, "WRITE exceeds max_write");
    return await handle.file.write(request.number("off", 0), bytes);
  },
  fs_close: async (request) => {
    const { number, handle } = request.handle();
    request.handles.delete(number);
    await handle.file.close();
    return {};
  },
  fs_truncate: async (request) => {
    const { tree, local } = request.target();
    await tree.truncate(local, request.number("sz", 0));
    return {};
  },
  fs_statfs: async (request) => await request.target().tree.numbers(),
  fs_create: refusedByReadOnlyTrees,
  fs_unlink: refusedByReadOnlyTrees,
  fs_mkdir: refusedByReadOnlyTrees,
  fs_rmdir: refusedByReadOnlyTrees,
  fs_symlink: refusedByReadOnlyTrees,
  fs_rename: () => {
    throw new FsError(Errno.EROFS, "export is read-only");
  },
  fs_setxattr: notImplemented,
  fs_getxattr: notImplemented,
  fs_listxattr: notImplemented,
  fs_removexattr: notImplemented,
  fs_lock: notImplemented,
};

async function readDirectory(request: Request): Promise<unknown> {
  const { tree, local } = request.target();
  const cookie = request.number("cookie", 0);
  const max = Math.min(request.number("max", 128), MAX_PAGE);
  const self: DirectoryEntry = { name: ".", attributes: await tree.attributes(local) };
  const above: DirectoryEntry = { name: "..", attributes: await tree.attributes(tree.parent(local)) };
  const all = [self, above, ...await tree.list(local)];
  const page = all.slice(cookie, cookie + max);
  return {
    ents: page.map((entry) => ({ name: entry.name, attr: request.attributes(tree, entry.attributes) })),
    next: cookie + page.length,
    eof: cookie + page.length >= all.length,
    dir_gen: self.attributes.gen,
  };
}

function accessOf(flags: number): Access {
  const mode = flags & 3;
  return mode === 1 ? "write" : mode === 2 ? "read_write" : "read";
}

function unsigned(value: unknown, name: string, bits: 32 | 64): bigint {
  const valid = typeof value === "bigint"
    ? value >= 0n
    : typeof value === "number" && Number.isInteger(value) && value >= 0;
  if (valid && (typeof value === "bigint" || typeof value === "number")) return BigInt(value);
  throw new FsError(Errno.EINVAL, `${name} must be u${bits}`);
}

function decodeBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new FsError(Errno.EINVAL, "invalid base64 payload");
  }
  return Buffer.from(text, "base64");
}

function asFsError(error: unknown): FsError {
  if (error instanceof FsError) return error;
  log.error("File operation failed: {error}", { error });
  return new FsError(Errno.EIO, `operation failed: ${errorText(error)}`);
}
