/**
 * Reads and writes the files of a node, through the server.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Clock } from "../../drivers/process/mod.ts";
import { FS_PROTO, FS_PROTOCOL, isObject } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { Errno, FsError } from "../protocol/fs.ts";
import { fsRequestFrame } from "../protocol/fs_frames.ts";
import { parseJson } from "../protocol/json.ts";
import { openSocket, type TextSocket, urlWithPath } from "./socket.ts";

/** How long one request may take, in milliseconds; longer than the relay waits for the node. */
const REQUEST_TIMEOUT_MS = 50_000;

const READ_BYTES = 1_048_576;

/** Which node to reach, through which server, as whom. */
export interface FsClientOptions {
  readonly url: string;
  readonly token: string | undefined;
  readonly node_id: string;
  readonly clock: Clock;
}

/** One export of a node. */
export interface RemoteExport {
  readonly name: string;
  readonly root: bigint;
}

interface Pending {
  readonly resolve: (payload: Record<string, unknown>) => void;
  readonly reject: (error: Error) => void;
}

/** A connection to the files of one node. */
export class FsClient {
  readonly #socket: TextSocket;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  #nextTag = 1;
  #closed = false;

  private constructor(socket: TextSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    socket.onText((text) => this.#receive(text));
    socket.onClose((reason) => {
      this.#closed = true;
      const error = new ZssError("connection_lost", `Cannot go on: the connection to the node ended (${reason})`);
      for (const pending of this.#pending.values()) pending.reject(error);
      this.#pending.clear();
    });
  }

  /**
   * Connects and says hello.
   *
   * @throws {ZssError} `unreachable`, `provider_auth_failed`.
   * @throws {FsError} What the relay or the node refuses with; `EIO` when the node is not connected.
   */
  static async open(options: FsClientOptions): Promise<FsClient> {
    const socket = await openSocket({
      url: urlWithPath(options.url, `/v2/fs/node/${options.node_id}`),
      token: options.token,
    });
    const client = new FsClient(socket, options.clock);
    try {
      await client.request("fs_hello", {}, { protocol: FS_PROTOCOL, proto: FS_PROTO });
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** What the node serves. */
  async exports(): Promise<RemoteExport[]> {
    const { exports } = await this.request("fs_exports", {}, {});
    if (!Array.isArray(exports)) return [];
    return exports.filter(isObject).map((entry) => ({ name: String(entry["name"]), root: bigintOf(entry["root"]) }));
  }

  /** Id of the file at `path` below the export `name`. */
  async walk(name: string, path: readonly string[]): Promise<bigint> {
    const found = (await this.exports()).find((entry) => entry.name === name);
    if (found === undefined) throw new FsError(Errno.ENOENT, `file not found: the node serves no "${name}"`);
    let node = found.root;
    for (const part of path) node = await this.#child(node, part);
    return node;
  }

  /** The whole content of a file. */
  async read(node: bigint): Promise<Uint8Array> {
    const handle = await this.#open(node, 0);
    const chunks: Uint8Array[] = [];
    let offset = 0;
    try {
      for (;;) {
        const { data_b64, eof } = await this.request("fs_read", { h: handle }, { off: offset, len: READ_BYTES });
        const chunk = Buffer.from(String(data_b64), "base64");
        chunks.push(chunk);
        offset += chunk.length;
        if (eof === true || chunk.length === 0) return Buffer.concat(chunks);
      }
    } finally {
      await this.request("fs_close", { h: handle }, {});
    }
  }

  /** Replaces the content of a file with one write, and returns what the node answered to it. */
  async write(node: bigint, content: Uint8Array): Promise<Record<string, unknown>> {
    await this.request("fs_truncate", { node }, { sz: 0 });
    const handle = await this.#open(node, 1);
    try {
      const data_b64 = Buffer.from(content).toString("base64");
      return await this.request("fs_write", { h: handle }, { off: 0, data_b64 });
    } finally {
      await this.request("fs_close", { h: handle }, {});
    }
  }

  /** Sends one request and returns the payload of its reply. */
  request(operation: string, members: object, payload: unknown): Promise<Record<string, unknown>> {
    if (this.#closed) return Promise.reject(new ZssError("connection_lost", "Cannot go on: the connection has ended"));
    const tag = this.#nextTag++;
    const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>>();
    const cancel = this.#clock.after(REQUEST_TIMEOUT_MS, () => {
      this.#pending.delete(tag);
      reject(new ZssError("timeout", `Cannot run ${operation}: no answer within ${REQUEST_TIMEOUT_MS / 1000} s`));
    });
    this.#pending.set(tag, {
      resolve: (answer) => {
        cancel();
        resolve(answer);
      },
      reject: (error) => {
        cancel();
        reject(error);
      },
    });
    this.#socket.send(fsRequestFrame(operation, tag, members, payload));
    return promise;
  }

  close(): void {
    this.#socket.close();
  }

  async #child(parent: bigint, name: string): Promise<bigint> {
    const { attr } = await this.request("fs_lookup", { node: parent }, { name });
    return bigintOf(isObject(attr) ? attr["id"] : undefined);
  }

  async #open(node: bigint, flags: number): Promise<number> {
    const { h } = await this.request("fs_open", { node }, { flags });
    return Number(h);
  }

  #receive(text: string): void {
    const frame = parseJson(text, { bigIntegers: true });
    if (!isObject(frame)) return;
    const pending = this.#pending.get(Number(frame["tag"]));
    if (pending === undefined) return;
    this.#pending.delete(Number(frame["tag"]));
    if (frame["ok"] === true) pending.resolve(isObject(frame["payload"]) ? frame["payload"] : {});
    else pending.reject(fsErrorOf(frame["error"]));
  }
}

function fsErrorOf(error: unknown): FsError {
  const members = isObject(error) ? error : {};
  const errno = Object.values(Errno).find((known) => known === members["errno"]) ?? Errno.EIO;
  return new FsError(errno, String(members["message"] ?? "refused without a reason"));
}

function bigintOf(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  throw new FsError(Errno.EIO, "the node sent an id that is no integer");
}
