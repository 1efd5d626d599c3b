/**
 * The server's side of `/v2/node`: a node says who it is, then its socket is a tunnel.
 *
 * @module
 */

import type { Clock } from "../../drivers/process/clock.ts";
import type { FsTokens } from "../pairing/fs_tokens.ts";
import type { LeaseKeeper } from "../pairing/leases.ts";
import { newGeneration } from "../pairing/nodes.ts";
import { FS_PROTO, FS_PROTOCOL } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { Errno, FsError } from "../protocol/fs.ts";
import { fsErrorFrame, fsReplyFrame, parseFsFrame, parseFsHello } from "../protocol/fs_frames.ts";
import type { Actor } from "../policy/rights.ts";
import type { NodeRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import type { NodeSocket, RelaySocket, Tunnel, TunnelRegistry } from "./tunnels.ts";

/** What the relay works on. */
export interface RelayParts {
  readonly store: Store;
  readonly tunnels: TunnelRegistry;
  readonly clock: Clock;
  readonly fsTokens: FsTokens;
  readonly leases: LeaseKeeper;
  /** Writes down who opened a tunnel or files, who invoked what, and who was refused. */
  readonly note: (access: RelayAccess) => void;
}

/** Who speaks: the holder of a token, nobody known, or a node. */
export type Speaker = Actor | { readonly role: "node"; readonly name: string };

/** What was done, or refused, by way of the relay. */
export interface RelayAccess {
  /** `tunnel`, `files`: they were opened, or a file was refused. `invoke`: a service was made to do something. */
  readonly what: "tunnel" | "files" | "invoke";
  readonly speaker: Speaker;
  /** The agent that it acts as; `null` for none. */
  readonly agentId: string | null;
  readonly nodeId: string | null;
  /** The file that it was about; absent for the node as a whole. */
  readonly target?: string;
  /** Id of the call that an invoke became, or the request that was refused. */
  readonly correlationId?: string;
  /** The rule that decided, in words. */
  readonly rule?: string;
  /** Why it was refused or failed; absent when it was not. */
  readonly error?: unknown;
}

/** A socket of a node. */
export class NodePeer {
  readonly #parts: RelayParts;
  readonly #socket: NodeSocket & { trustAsNode(): void };
  #open: { readonly node: NodeRecord; readonly tunnel: Tunnel } | undefined;

  constructor(parts: RelayParts, socket: NodeSocket & { trustAsNode(): void }) {
    this.#parts = parts;
    this.#socket = socket;
  }

  async receive(text: string): Promise<void> {
    if (this.#open !== undefined) {
      this.#open.tunnel.receive(text);
      return;
    }
    let tag: number | undefined;
    let nodeId: string | null = null;
    try {
      const frame = parseFsFrame(text);
      tag = frame.tag;
      if (frame.type !== "acheron.t_fs_hello") {
        throw new FsError(Errno.EINVAL, "acheron.t_fs_hello must be negotiated first");
      }
      const hello = parseFsHello(frame.payload);
      nodeId = hello.node_id ?? null;
      if (!hello.node_id || !hello.node_secret) {
        throw new FsError(Errno.EINVAL, `MissingField: ${hello.node_id ? "node_secret" : "node_id"}`);
      }
      const { node_id, node_secret } = hello;
      const node = await this.#parts.store.transact((tx) =>
        newGeneration(tx, node_id, node_secret, this.#parts.clock.now())
      );
      this.#parts.leases.extended(node);
      this.#socket.trustAsNode();
      const tunnel = this.#parts.tunnels.open(node_id, this.#socket, { walks: hello.walk });
      this.#open = { node, tunnel };
      this.#socket.sendText(fsReplyFrame("fs_hello", tag, {
        protocol: FS_PROTOCOL,
        proto: FS_PROTO,
        node_id,
        lease_generation: node.lease_generation,
      }));
      if (hello.news_on_demand) tunnel.askForNewsOnDemand();
    } catch (error) {
      this.#parts.note({ what: "tunnel", speaker: { role: "anonymous" }, agentId: null, nodeId, error });
      refuse(this.#socket, tag, error);
    }
  }

  closed(): void {
    if (this.#open === undefined) return;
    const { node, tunnel } = this.#open;
    this.#parts.tunnels.closed(node.node_id, tunnel);
    this.#parts.leases.tunnelLost(node);
  }
}

/** Answers a hello that was refused, and closes. */
export function refuse(socket: RelaySocket, tag: number | undefined, error: unknown): void {
  if (error instanceof FsError) socket.sendText(fsErrorFrame(tag, error));
  else if (error instanceof ZssError && error.code === "node_auth_failed") {
    socket.sendText(fsErrorFrame(tag, new FsError(Errno.EACCES, "NodeAuthFailed")));
  } else if (error instanceof ZssError) {
    socket.sendText(fsErrorFrame(tag, new FsError(Errno.EIO, error.message)));
  } else throw error;
  socket.close(1008, "hello refused");
}
