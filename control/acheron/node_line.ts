/**
 * Requests of one runtime connection to the files of one node, through its tunnel.
 *
 * The tunnel sees to it that one connection in a hurry does not make others wait.
 *
 * @module
 */

import type { z } from "zod";
import { ZssError } from "../protocol/errors.ts";
import { FsError } from "../protocol/fs.ts";
import { type FsAsker, type FsFrame, fsRequestFrame, parseFsFrame } from "../protocol/fs_frames.ts";
import { fsReplies, parseFsReply } from "../protocol/fs_replies.ts";
import type { FsOperation } from "../protocol/fs_requests.ts";
import type { RelayClient, Tunnel, TunnelRegistry } from "../relay/tunnels.ts";

/** The line to one node. */
export class NodeLine {
  readonly #tunnels: TunnelRegistry;
  readonly #nodeId: string;
  readonly #pending = new Map<number, (frame: FsFrame) => void>();
  readonly #client: RelayClient;
  #nextTag = 1;
  #isClosed = false;

  constructor(tunnels: TunnelRegistry, nodeId: string) {
    this.#tunnels = tunnels;
    this.#nodeId = nodeId;
    // Replies go straight to whoever waits for them, so none is ever unread here.
    const socket = { bufferedBytes: 0, sendText: (text: string) => this.#receive(text), close: () => {} };
    this.#client = { socket };
  }

  /** The tunnel at this moment: ids and handles are good for as long as it is the same. @throws {FsError} `EIO`. */
  tunnel(): Tunnel {
    try {
      return this.#tunnels.get(this.#nodeId);
    } catch (cause) {
      if (!(cause instanceof FsError)) throw cause;
      throw new FsError(cause.errno, `${cause.message}: the node "${this.#nodeId}" is not connected`, { cause });
    }
  }

  /** @throws {FsError} What the node refuses with; `EIO` when it is not connected or does not answer. */
  async ask<Reply>(
    operation: FsOperation,
    schema: z.ZodType<Reply>,
    members: { readonly node?: bigint; readonly h?: bigint; readonly as?: FsAsker | undefined } = {},
    payload: object = {},
  ): Promise<Reply> {
    if (this.#isClosed) throw new ZssError("connection_lost", "Cannot go on: the connection has ended");
    return parseFsReply(await this.#exchange(operation, members, payload), schema);
  }

  /** Closes a handle, whoever is gone. @throws {FsError} What the node says of what was written through it. */
  async closeHandle(h: bigint): Promise<void> {
    parseFsReply(await this.#exchange("close", { h }, {}), fsReplies.done);
  }

  /**
   * Takes no further requests. Those under way go on, so that what they open is
   * closed and what they did is written down.
   */
  close(): void {
    this.#isClosed = true;
  }

  #exchange(operation: FsOperation, members: object, payload: object): Promise<FsFrame> {
    const tag = this.#nextTag;
    this.#nextTag = this.#nextTag % 0xffff_ffff + 1;
    const { promise, resolve } = Promise.withResolvers<FsFrame>();
    this.#pending.set(tag, resolve);
    try {
      this.tunnel().request(this.#client, tag, fsRequestFrame(`fs_${operation}`, tag, members, payload));
    } catch (error) {
      this.#pending.delete(tag);
      throw error;
    }
    return promise;
  }

  #receive(text: string): void {
    let frame: FsFrame;
    try {
      frame = parseFsFrame(text);
    } catch (cause) {
      // Without its tag nobody can say whose answer it was; the deadline of the request will.
      if (cause instanceof FsError) return;
      throw cause;
    }
    const pending = frame.tag === undefined ? undefined : this.#pending.get(frame.tag);
    if (frame.tag === undefined || pending === undefined) return;
    this.#pending.delete(frame.tag);
    pending(frame);
  }
}
