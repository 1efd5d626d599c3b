/**
 * Reads and writes the files of a node, through the server.
 *
 * Requests may be under way side by side. A file is named by the id that a
 * lookup gave, or found by {@linkcode FsClient.walk} from the name of its
 * export. What the node refuses is an `FsError`; a connection that ends or an
 * answer that does not come is a `ZssError`.
 *
 * @module
 */

import type { Clock } from "../../drivers/process/mod.ts";
import type { z } from "zod";
import { FS_PROTO, FS_PROTOCOL } from "../protocol/envelope.ts";
import { errorText, ZssError } from "../protocol/errors.ts";
import { Errno, type FileAttributes, FsError, MAX_TRANSFER_BYTES, OPEN_APPEND } from "../protocol/fs.ts";
import { type FsFrame, fsRequestFrame, parseFsFrame } from "../protocol/fs_frames.ts";
import { type ListedEntry, wholeListing } from "../protocol/fs_listing.ts";
import { type FsNews, fsReplies, parseFsNews, parseFsReply, requireAtMost } from "../protocol/fs_replies.ts";
import type { FsOperation, LockKind } from "../protocol/fs_requests.ts";
import type { SessionTarget } from "./connection.ts";
import { openSocket, urlWithPath } from "./socket.ts";
import type { SocketOptions, TextSocket } from "./text_socket.ts";

/** How long one request may take unless told, in milliseconds; longer than the relay waits for the node. */
const REQUEST_TIMEOUT_MS = 50_000;

/** Entries of a directory asked for at a time. */
const PAGE = 1_024;

/** How the client waits and what it wants to hear. */
export interface FsClientSettings {
  readonly clock: Clock;
  /** How long one request may take, in milliseconds. @default {50,000} */
  readonly timeoutMs?: number;
  /** Whether the node tells of changes; see {@linkcode FsClient.onNews}. @default {false} */
  readonly subscribe?: boolean;
  /** Proof for the node or the relay, where the connection itself has none. */
  readonly authToken?: string;
  /** The project from within which the relay shows the node to whoever is no admin; its last one unless told. */
  readonly attach?: SessionTarget | undefined;
}

/** Which node to reach, through which server, as whom. */
export interface FsClientOptions extends FsClientSettings, SocketOptions {
  readonly node_id: string;
}

/** What a node says of itself and its limits. */
export type FsHelloReply = z.output<typeof fsReplies.hello>;

/** One export of a node. */
export type RemoteExport = z.output<typeof fsReplies.exports>["exports"][number];

/** A child of a directory. */
export type RemoteEntry = ListedEntry;

/** What a node answers to a write: the bytes taken, and for an invoke which call it became. */
export type WriteReply = z.output<typeof fsReplies.write>;

/** Numbers of the file system of an export, in blocks of `frsize` bytes. */
export type RemoteNumbers = z.output<typeof fsReplies.statfs>;

/** How a file is opened. */
export type RemoteAccess = "read" | "write" | "read_write" | "append";

/** What may be set of a file; what is absent stays. */
export interface RemoteChanges {
  readonly mode?: number | undefined;
  readonly at?: bigint | undefined;
  readonly mt?: bigint | undefined;
}

/** A file that is open on a node. One read or write carries at most what the node's hello says, 1 MiB. */
export interface RemoteFile {
  /** Fewer bytes than asked for come only at the end, or when `length` is beyond what the node carries. */
  read(offset: number, length: number): Promise<{ readonly bytes: Uint8Array; readonly eof: boolean }>;
  write(offset: number, bytes: Uint8Array): Promise<WriteReply>;
  /** Locks the whole file against other handles, or ends the lock. @param wait Whether to wait for another's. */
  lock(kind: LockKind, wait?: boolean): Promise<void>;
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (frame: FsFrame) => void;
  readonly reject: (error: Error) => void;
}

/** A connection to the files of one node. */
export class FsClient {
  readonly #transport: TextSocket;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(news: FsNews) => void>();
  #nextTag = 1;
  #ended: Error | undefined;
  #limits = { max_read: MAX_TRANSFER_BYTES, max_write: MAX_TRANSFER_BYTES };

  private constructor(transport: TextSocket, settings: FsClientSettings) {
    this.#transport = transport;
    this.#clock = settings.clock;
    this.#timeoutMs = settings.timeoutMs ?? REQUEST_TIMEOUT_MS;
    transport.onClose((reason) => this.#end(connectionLost(`the connection to the node ended (${reason})`)));
    transport.onText((text) => this.#receive(text));
  }

  /**
   * Connects to a node through a server and says hello.
   *
   * @throws {ZssError} `unreachable`, `tls_failed`, `provider_auth_failed`.
   * @throws {FsError} What the relay or the node refuses with; `EIO` when the node is not connected.
   */
  static async open(options: FsClientOptions): Promise<FsClient> {
    const url = urlWithPath(options.url, `/v2/fs/node/${options.node_id}`);
    return await FsClient.over(await openSocket({ ...options, url }), options);
  }

  /** Says hello over a transport that is open. It is closed with the client, and when the hello is refused. */
  static async over(transport: TextSocket, settings: FsClientSettings): Promise<FsClient> {
    const client = new FsClient(transport, settings);
    const { subscribe = false, authToken, attach = {} } = settings;
    try {
      const { caps } = await client.hello({
        ...attach,
        ...(authToken === undefined ? {} : { auth_token: authToken }),
        ...(subscribe ? { subscribe_invalidations: true } : {}),
      });
      client.#limits = {
        max_read: Math.min(caps.max_read, MAX_TRANSFER_BYTES),
        max_write: Math.min(caps.max_write, MAX_TRANSFER_BYTES),
      };
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Asks the node who it is. The first hello of a connection is said when it is opened. */
  hello(extra: Readonly<Record<string, unknown>> = {}): Promise<FsHelloReply> {
    return this.#ask("hello", fsReplies.hello, {}, { protocol: FS_PROTOCOL, proto: FS_PROTO, ...extra });
  }

  /** What the node serves. */
  async exports(): Promise<RemoteExport[]> {
    return (await this.#ask("exports", fsReplies.exports)).exports;
  }

  /** Id of the file at `path` below the export `name`. */
  async walk(name: string, path: readonly string[]): Promise<bigint> {
    const found = (await this.exports()).find((entry) => entry.name === name);
    if (found === undefined) throw new FsError(Errno.ENOENT, `file not found: the node serves no "${name}"`);
    let node = found.root;
    for (const part of path) node = (await this.lookup(node, part)).id;
    return node;
  }

  /**
   * Attributes of the file at a path that begins with the name of an export, `/data/docs/a.txt` for example.
   *
   * Empty steps are skipped. The empty path names no file; what is there is told by `exports`.
   */
  async stat(path: string): Promise<FileAttributes> {
    const [name, ...steps] = path.split("/").filter((step) => step !== "");
    if (name === undefined) {
      throw new FsError(Errno.EINVAL, "invalid argument: a path begins with the name of an export");
    }
    return await this.attributes(await this.walk(name, steps));
  }

  /** A child of a directory. */
  async lookup(parent: bigint, name: string): Promise<FileAttributes> {
    return (await this.#ask("lookup", fsReplies.lookup, { node: parent }, { name })).attr;
  }

  async attributes(node: bigint): Promise<FileAttributes> {
    return (await this.#ask("getattr", fsReplies.getattr, { node })).attr;
  }

  /**
   * All children of a directory, without `.` and `..`, in the order of the node.
   *
   * @throws {FsError} `EIO` for more than 262,144 entries, and for a node that does not come to an end.
   */
  async list(directory: bigint): Promise<RemoteEntry[]> {
    return await wholeListing((cookie) =>
      this.#ask("readdirp", fsReplies.readdirp, { node: directory }, { cookie, max: PAGE })
    );
  }

  /** Makes a file and opens it. `EEXIST` when the name is taken. @param mode Permission bits. */
  async create(
    parent: bigint,
    name: string,
    mode = 0o644,
    access: Exclude<RemoteAccess, "read" | "append"> = "read_write",
  ): Promise<{ readonly attributes: FileAttributes; readonly file: RemoteFile }> {
    const payload = { name, mode: 0o100000 | mode, flags: access === "write" ? 1 : 2 };
    const { attr, h } = await this.#ask("create", fsReplies.create, { node: parent }, payload);
    return { attributes: attr, file: this.#fileOf(h) };
  }

  async makeDirectory(parent: bigint, name: string): Promise<void> {
    await this.#ask("mkdir", fsReplies.done, { node: parent }, { name });
  }

  /** Removes a file or a link. */
  async unlink(parent: bigint, name: string): Promise<void> {
    await this.#ask("unlink", fsReplies.done, { node: parent }, { name });
  }

  /** Removes an empty directory. */
  async removeDirectory(parent: bigint, name: string): Promise<void> {
    await this.#ask("rmdir", fsReplies.done, { node: parent }, { name });
  }

  /** Moves a file or directory within its export; a file that has the new name is replaced. */
  async rename(oldParent: bigint, oldName: string, newParent: bigint, newName: string): Promise<void> {
    const payload = { old_parent: oldParent, old_name: oldName, new_parent: newParent, new_name: newName };
    await this.#ask("rename", fsReplies.done, {}, payload);
  }

  /** Cuts or zero-extends a file. */
  async truncate(node: bigint, size: number): Promise<void> {
    await this.#ask("truncate", fsReplies.done, { node }, { sz: size });
  }

  async symlink(parent: bigint, name: string, target: string): Promise<void> {
    await this.#ask("symlink", fsReplies.done, { node: parent }, { name, target });
  }

  /** Where a link points to. Only where the export's `readlink` capability says so. */
  async readLink(parent: bigint, name: string): Promise<string> {
    return (await this.#ask("readlink", fsReplies.readlink, { node: parent }, { name })).target;
  }

  /** Sets permission bits and times (nanoseconds since the Unix epoch). Only where the export's `setattr` says so. */
  async setAttributes(node: bigint, changes: RemoteChanges): Promise<FileAttributes> {
    return (await this.#ask("setattr", fsReplies.getattr, { node }, changes)).attr;
  }

  async getXattr(node: bigint, name: string): Promise<Uint8Array> {
    return (await this.#ask("getxattr", fsReplies.getxattr, { node }, { name })).value_b64;
  }

  async listXattrs(node: bigint): Promise<readonly string[]> {
    return (await this.#ask("listxattr", fsReplies.listxattr, { node })).names;
  }

  /** @param flags 1 refuses a name that is taken, 2 one that is not. */
  async setXattr(node: bigint, name: string, value: Uint8Array, flags = 0): Promise<void> {
    await this.#ask("setxattr", fsReplies.done, { node }, { name, value_b64: value.toBase64(), flags });
  }

  async removeXattr(node: bigint, name: string): Promise<void> {
    await this.#ask("removexattr", fsReplies.done, { node }, { name });
  }

  /** The content of a file, piece by piece. The file is closed when the caller stops. */
  async *chunks(node: bigint): AsyncGenerator<Uint8Array, void, void> {
    const h = await this.#open(node, 0);
    try {
      for (let off = 0;;) {
        const { bytes, eof } = await this.#read(h, off, this.#limits.max_read);
        if (bytes.length > 0) yield bytes;
        if (eof || bytes.length === 0) break;
        off += bytes.length;
      }
    } finally {
      this.#closeLater(h);
    }
  }

  /** The whole content of a file. */
  async read(node: bigint): Promise<Uint8Array> {
    const chunks = await Array.fromAsync(this.chunks(node));
    const [first] = chunks;
    if (chunks.length === 1 && first !== undefined) return first;
    const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  /**
   * Replaces the content of a file, and returns what the node answered to the last write.
   *
   * What the node takes at once (1 MiB) goes in one write, as the trigger files of services want it; a longer content
   * goes in several, and a reader may see a part of it meanwhile.
   *
   * @throws {FsError} What the node refuses with; `EIO` when it takes a part of what was sent, which stays.
   */
  async write(node: bigint, content: Uint8Array): Promise<WriteReply> {
    await this.#ask("truncate", fsReplies.done, { node }, { sz: 0 });
    const h = await this.#open(node, 1);
    let reply: WriteReply;
    try {
      let off = 0;
      do {
        const piece = content.subarray(off, off + this.#limits.max_write);
        reply = await this.#write(h, off, piece);
        if (reply.n < piece.length) {
          throw new FsError(Errno.EIO, `short write: ${reply.n} of ${piece.length} bytes were taken`);
        }
        off += piece.length;
      } while (off < content.length);
    } catch (error) {
      this.#closeLater(h);
      throw error;
    }
    // A node may find out only now that it could not keep what was written.
    await this.#ask("close", fsReplies.done, { h });
    return reply;
  }

  /** Opens a file; the caller closes it. */
  async openFile(node: bigint, access: RemoteAccess): Promise<RemoteFile> {
    return this.#fileOf(await this.#open(node, { read: 0, write: 1, read_write: 2, append: 1 | OPEN_APPEND }[access]));
  }

  /** Numbers of the file system that holds a file. */
  numbers(node: bigint): Promise<RemoteNumbers> {
    return this.#ask("statfs", fsReplies.statfs, { node });
  }

  /** Calls `listener` with each change that the node tells of. Returns the function that ends it. */
  onNews(listener: (news: FsNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the connection; what is under way is refused with `connection_lost`. A second call does nothing. */
  close(): void {
    this.#end(connectionLost("the connection was closed"));
  }

  #fileOf(h: bigint): RemoteFile {
    return {
      read: (off, length) => this.#read(h, off, Math.min(length, this.#limits.max_read)),
      write: (off, bytes) => this.#write(h, off, bytes),
      lock: async (kind, wait = true) => void await this.#ask("lock", fsReplies.done, { h }, { kind, wait }),
      close: async () => void await this.#ask("close", fsReplies.done, { h }),
    };
  }

  async #read(h: bigint, off: number, len: number): Promise<{ readonly bytes: Uint8Array; readonly eof: boolean }> {
    const { data_b64: bytes, eof } = await this.#ask("read", fsReplies.read, { h }, { off, len });
    requireAtMost(bytes.length, len, "read");
    return { bytes, eof };
  }

  async #write(h: bigint, off: number, bytes: Uint8Array): Promise<WriteReply> {
    const reply = await this.#ask("write", fsReplies.write, { h }, { off, data_b64: bytes.toBase64() });
    requireAtMost(reply.n, bytes.length, "write");
    return reply;
  }

  async #open(node: bigint, flags: number): Promise<bigint> {
    return (await this.#ask("open", fsReplies.open, { node }, { flags })).h;
  }

  /** Closes a handle of which nothing is expected any more. */
  #closeLater(h: bigint): void {
    this.#ask("close", fsReplies.done, { h }).catch(() => {
      // The node closes what a connection leaves open.
    });
  }

  async #ask<Reply>(
    operation: FsOperation,
    schema: z.ZodType<Reply>,
    members: { readonly node?: bigint; readonly h?: bigint } = {},
    payload: object = {},
  ): Promise<Reply> {
    return parseFsReply(await this.#exchange(operation, members, payload), schema);
  }

  #exchange(operation: FsOperation, members: object, payload: object): Promise<FsFrame> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const tag = this.#nextTag;
    this.#nextTag = this.#nextTag % 0xffff_ffff + 1;
    const { promise, resolve, reject } = Promise.withResolvers<FsFrame>();
    const cancel = this.#clock.after(this.#timeoutMs, () => {
      this.#pending.delete(tag);
      reject(new ZssError("timeout", `Cannot run fs_${operation}: no answer within ${this.#timeoutMs / 1000} s`));
    });
    this.#pending.set(tag, {
      resolve: (frame) => {
        cancel();
        resolve(frame);
      },
      reject: (error) => {
        cancel();
        reject(error);
      },
    });
    this.#transport.send(fsRequestFrame(`fs_${operation}`, tag, members, payload));
    return promise;
  }

  #receive(text: string): void {
    if (this.#ended !== undefined) return;
    let frame: FsFrame;
    try {
      frame = parseFsFrame(text);
    } catch (error) {
      this.#end(new FsError(Errno.EIO, `InvalidReply: ${errorText(error)}`, { cause: error }));
      return;
    }
    const news = parseFsNews(frame);
    if (news !== undefined) {
      for (const listener of [...this.#listeners]) listener(news);
    } else if (frame.tag !== undefined) {
      const pending = this.#pending.get(frame.tag);
      this.#pending.delete(frame.tag);
      pending?.resolve(frame);
    } else if (frame.type === "acheron.err_fs") {
      // Without a tag nobody can say which request it is about, so it is about the connection.
      try {
        parseFsReply(frame, fsReplies.done);
      } catch (error) {
        this.#end(error instanceof Error ? error : connectionLost(errorText(error)));
      }
    }
  }

  #end(reason: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    for (const pending of this.#pending.values()) pending.reject(reason);
    this.#pending.clear();
    this.#listeners.clear();
    this.#transport.close();
  }
}

function connectionLost(what: string): ZssError {
  return new ZssError("connection_lost", `Cannot go on: ${what}`);
}
