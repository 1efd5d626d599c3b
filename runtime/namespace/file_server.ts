/**
 * Speaks the file protocol for the trees of a node.
 *
 * A client, or a tunnel with many clients behind it that cannot be told apart,
 * is one {@linkcode FileConnection}. Its requests are answered as they finish,
 * so a long invoke holds up nothing else; its handles are its own and are
 * closed with it. News of changes go to every connection that wants them,
 * before the answer to the request that made the change.
 *
 * ```ts
 * import { FileServer } from "./file_server.ts";
 *
 * const server = new FileServer({ name: "node-2", os: "linux", version: "0.1.0" });
 * const connection = server.connect((frame) => console.log(frame));
 * await connection.handle('{"channel":"acheron","type":"acheron.t_fs_exports","tag":1}');
 * connection.close();
 * ```
 *
 * Source: docs/protocol.md, "File protocol".
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import {
  Errno,
  errorText,
  fsDirectoryInvalidationFrame,
  FsError,
  fsErrorFrame,
  fsInvalidationFrame,
  fsReplyFrame,
  parseFsAsker,
  parseFsFrame,
  parseFsRequest,
} from "../../control/protocol/mod.ts";
import { carryOut, type NodeIdentity, type RequestScope, requirePermitted } from "./file_operations.ts";
import { HandleTable } from "./handles.ts";
import { Listings } from "./listings.ts";
import { ServedTrees } from "./served_trees.ts";
import type { FileTree, TreeChange } from "./tree.ts";

export type { NodeIdentity } from "./file_operations.ts";

const log = getLogger(["zss", "runtime", "files"]);

/** How much one connection may hold. */
export interface ConnectionLimits {
  /** Open files; beyond, the one that is only read and was not used for the longest time is closed. @default {4,096} */
  readonly handles: number;
  /** Requests under way; beyond, they are refused with `EAGAIN`. @default {4,096} */
  readonly requests: number;
}

/** A tunnel is one connection, whatever number of clients is behind it. */
const DEFAULT_LIMITS: ConnectionLimits = { handles: 4_096, requests: 4_096 };

/** What a connection wants besides answers. */
export interface ConnectOptions {
  /** Whether it hears of changes. @default {true} */
  readonly subscribe?: boolean;
  readonly limits?: Partial<ConnectionLimits>;
}

/** The files of a node. */
export class FileServer {
  readonly #identity: NodeIdentity;
  readonly #trees = new ServedTrees();
  readonly #stopListening = new Map<FileTree, () => void>();
  readonly #connections = new Set<FileConnection>();
  #lastHandle = 0n;

  constructor(identity: NodeIdentity) {
    this.#identity = identity;
  }

  /** The trees in the order in which they are listed. */
  get trees(): readonly FileTree[] {
    return this.#trees.all;
  }

  /**
   * Serves these trees from now on.
   *
   * Trees that were served already keep their ids and their open handles. Of
   * those that are gone, the handles are closed and subscribers hear that the
   * root has changed.
   *
   * @throws {ZssError} `duplicate_export` when two have one name; nothing changes then.
   */
  setTrees(trees: readonly FileTree[]): void {
    const { added, removed } = this.#trees.replace(trees);
    for (const { tree, root } of removed) {
      this.#stopListening.get(tree)?.();
      this.#stopListening.delete(tree);
      for (const connection of this.#connections) connection.dropTree(tree);
      this.#announce(() => fsInvalidationFrame(root, "all"));
    }
    for (const tree of added) this.#stopListening.set(tree, tree.onChange((change) => this.#changed(tree, change)));
  }

  /**
   * Starts a connection.
   *
   * @param send Takes the text of each frame; not called after the connection was closed.
   */
  connect(send: (frame: string) => void, options: ConnectOptions = {}): FileConnection {
    const { subscribe = true, limits } = options;
    const connection = new FileConnection(
      { identity: this.#identity, trees: this.#trees, nextHandle: () => ++this.#lastHandle },
      send,
      { subscribe, limits: { ...DEFAULT_LIMITS, ...limits } },
      () => this.#connections.delete(connection),
    );
    this.#connections.add(connection);
    return connection;
  }

  #changed(tree: FileTree, change: TreeChange): void {
    this.#announce(() =>
      "directory" in change
        ? fsDirectoryInvalidationFrame(this.#trees.wireId(tree, change.directory))
        : fsInvalidationFrame(this.#trees.wireId(tree, change.node), change.what, change.generation)
    );
  }

  /** One text for all subscribers, made only when there are any. */
  #announce(makeFrame: () => string): void {
    let frame: string | undefined;
    for (const connection of this.#connections) if (connection.subscribed) connection.push(frame ??= makeFrame());
  }
}

/** What a server shares with its connections. */
interface ServerScope extends Pick<RequestScope, "identity" | "trees"> {
  readonly nextHandle: () => bigint;
}

/** One client, or one tunnel with many clients behind it. */
export class FileConnection {
  #isSubscribed: boolean;
  readonly #scope: RequestScope;
  readonly #send: (frame: string) => void;
  readonly #maxRequests: number;
  readonly #onClosed: () => void;
  #underWay = 0;
  #closed = false;

  constructor(
    { identity, trees, nextHandle }: ServerScope,
    send: (frame: string) => void,
    { subscribe, limits }: { readonly subscribe: boolean; readonly limits: ConnectionLimits },
    onClosed: () => void,
  ) {
    this.#isSubscribed = subscribe;
    const onError = (error: unknown) => log.warn("Cannot close a file: {error}", { error: errorText(error) });
    const handles = new HandleTable({ nextNumber: nextHandle, limit: limits.handles, onError });
    this.#scope = { identity, trees, handles, listings: new Listings() };
    this.#send = send;
    this.#maxRequests = limits.requests;
    this.#onClosed = onClosed;
  }

  /** Whether it hears of changes. */
  get subscribed(): boolean {
    return this.#isSubscribed;
  }

  /** Takes one frame; settles when it has been answered, and never rejects. */
  async handle(text: string): Promise<void> {
    let tag: number | undefined;
    this.#underWay++;
    try {
      const frame = parseFsFrame(text);
      // The reference answers a request without a tag under tag 0.
      tag = frame.tag ?? 0;
      if (this.#underWay > this.#maxRequests) {
        throw new FsError(Errno.EAGAIN, `would block: ${this.#maxRequests} requests are under way`);
      }
      const request = parseFsRequest(frame);
      const asker = parseFsAsker(frame);
      if (asker !== undefined) requirePermitted(request, asker, this.#scope);
      if (request.op === "subscribe") this.#isSubscribed = request.payload.invalidations;
      const payload = await carryOut(request, this.#scope);
      this.push(fsReplyFrame(`fs_${request.op}`, tag, payload));
    } catch (error) {
      this.push(fsErrorFrame(tag, asRefusal(error)));
    } finally {
      this.#underWay--;
    }
  }

  /** Sends a frame that nobody asked for. */
  push(text: string): void {
    if (this.#closed) return;
    try {
      this.#send(text);
    } catch (error) {
      // Whoever sends knows best that the other side is gone; here it must not end the change that is announced.
      log.warn("Cannot send a frame: {error}", { error: errorText(error) });
      this.close();
    }
  }

  /** Closes the handles of a tree that is served no more. */
  dropTree(tree: FileTree): void {
    this.#scope.handles.closeTree(tree);
  }

  /** Closes every handle; what is under way is not answered any more. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#scope.handles.closeAll();
    this.#onClosed();
  }
}

/** What is sent for anything that was thrown; details of a fault of our own stay in the log. */
function asRefusal(error: unknown): FsError {
  if (error instanceof FsError) return error;
  log.error("File operation failed: {error}", { error });
  return new FsError(Errno.EIO, "input/output error: the log of the node says more");
}
