/**
 * The WebSockets of a server: whose they are, what they are for, when they end.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="@types/ws"
import { type WebSocket, WebSocketServer } from "ws";
import { afterLong, type Clock } from "../../drivers/process/clock.ts";
import type { Actor } from "../policy/rights.ts";
import { legacyError } from "../protocol/envelope.ts";
import { errorText } from "../protocol/errors.ts";
import { ClientPeer } from "../relay/client_peer.ts";
import { NodePeer, type RelayAccess } from "../relay/node_peer.ts";
import type { ControlPlane } from "../sessions/control_plane.ts";
import { Session } from "../sessions/session.ts";
import type { SessionSocket } from "../sessions/session_socket.ts";
import { noteAccess } from "./access_notes.ts";
import type { Refusal } from "../listen/refusal.ts";
import { FS_FRAME_BYTES } from "../listen/frame_limit.ts";
import { CONTROL_FRAME_BYTES, HANDSHAKE_TIMEOUT_MS, type ServerConfig } from "./config.ts";
import { greetingOf, isGreeting } from "./greeting.ts";
import type { Route } from "./route.ts";
import { type Peer, ServerSocket, textOf } from "./socket.ts";

const log = getLogger(["zss", "control", "server"]);

/** How long whoever ends its own token has for the answer, in milliseconds. */
const LAST_ANSWER_MS = 100;
/** So many connections may be open with the token of one user or operator. */
const MAX_MEMBER_SOCKETS = 256;
/** How long a peer may take to say goodbye, in milliseconds. */
const GOODBYE_MS = 500;

/** The WebSockets of a server. */
export class Sockets {
  readonly #plane: ControlPlane;
  readonly #config: ServerConfig;
  // Without compression a frame that was built once can be shared, and no small frame can grow into a large one.
  readonly #control = new WebSocketServer({
    noServer: true,
    maxPayload: CONTROL_FRAME_BYTES,
    perMessageDeflate: false,
  });
  readonly #files = new WebSocketServer({ noServer: true, maxPayload: FS_FRAME_BYTES, perMessageDeflate: false });
  readonly #open = new Set<WebSocket>();
  /** The connections of each token. */
  readonly #byToken = new Map<string, Map<ServerSocket, WebSocket>>();
  readonly #anonymous = new Set<WebSocket>();

  constructor(plane: ControlPlane, config: ServerConfig) {
    this.#plane = plane;
    this.#config = config;
  }

  /** How many sockets have not proved who they are. */
  get anonymous(): number {
    return this.#anonymous.size;
  }

  /** Whether somebody has as many connections as one may have. */
  isFull(actor: Actor): boolean {
    if (actor.role === "anonymous") return this.anonymous >= this.#config.maxAnonymousSockets;
    if (actor.role === "admin") return false;
    return (this.#byToken.get(actor.token_id)?.size ?? 0) >= MAX_MEMBER_SOCKETS;
  }

  accept(request: IncomingMessage, socket: Duplex, head: Uint8Array, route: Route, actor: Actor): void {
    const server = route.kind === "node_files" && actor.role !== "anonymous" ? this.#files : this.#control;
    server.handleUpgrade(request, socket, Buffer.from(head), (ws: WebSocket) => this.#serve(ws, route, actor));
  }

  /** Ends the tunnel of a node that is no more. */
  nodeDeleted(nodeId: string): void {
    this.#plane.tunnels.drop(nodeId);
  }

  /** Ends the connections of a token that is good no more. */
  cutOff(tokenId: string, last?: SessionSocket): void {
    const { clock, fsTokens } = this.#plane;
    fsTokens.revoke(tokenId);
    for (const [socket, ws] of [...this.#byToken.get(tokenId) ?? []]) {
      const end = () => endSocket(ws, clock, 1008, "the token was revoked");
      // The one that asked for it gets its answer first, if it is still there to take it.
      if (socket === last) clock.after(LAST_ANSWER_MS, end);
      else end();
    }
  }

  /** Takes an upgrade only to say why it is refused. */
  refuse(request: IncomingMessage, socket: Duplex, head: Uint8Array, refusal: Refusal): void {
    this.#control.handleUpgrade(request, socket, Buffer.from(head), (ws: WebSocket) => {
      ws.on("error", (error) => log.debug("Connection closed: {error}", { error: errorText(error) }));
      ws.send(legacyError(refusal.code, refusal.message, this.#plane.clock.now()));
      ws.close(1008, "refused");
    });
  }

  async close(): Promise<void> {
    const { clock } = this.#plane;
    await Promise.all([...this.#open].map((ws) => {
      const gone = new Promise<void>((resolve) => ws.once("close", () => resolve()));
      endSocket(ws, clock, 1001, "server is shutting down");
      return gone;
    }));
  }

  #serve(ws: WebSocket, route: Route, actor: Actor): void {
    this.#open.add(ws);
    if (actor.role === "anonymous") this.#anonymous.add(ws);
    const socket = new ServerSocket(ws, () => this.#anonymous.delete(ws));
    const forget = [this.#remember(ws, socket, actor)];
    const peer = this.#peer(route, socket, actor, (owner) => forget.push(this.#remember(ws, socket, owner)));
    const stopPings = this.#ping(ws);
    let stopWaiting = this.#expectGreeting(ws, route);
    ws.on("message", (data, isBinary) => {
      // A connection that is being closed is closed for what its peer still sends.
      if (!socket.isOpen) return;
      const text = textOf(data, isBinary);
      if (text === undefined) return ws.close(1003, "text frames only");
      if (stopWaiting !== undefined && isGreeting(route, text)) {
        stopWaiting();
        stopWaiting = undefined;
      }
      Promise.try(() => peer.receive(text)).catch((error) => {
        log.error("Connection failed: {error}", { error });
        ws.close(1011, "internal error");
      });
    });
    ws.on("error", (error) => log.debug("Connection closed: {error}", { error: errorText(error) }));
    ws.on("close", () => {
      stopPings();
      stopWaiting?.();
      for (const each of forget) each();
      this.#open.delete(ws);
      this.#anonymous.delete(ws);
      peer.closed();
    });
  }

  /** Notes whose connection it is, for when the token ends. Returns what forgets it. */
  #remember(ws: WebSocket, socket: ServerSocket, actor: Actor): () => void {
    if (actor.role === "anonymous") return () => {};
    const { token_id: tokenId } = actor;
    const sockets = this.#byToken.get(tokenId) ?? new Map();
    this.#byToken.set(tokenId, sockets.set(socket, ws));
    const { store, clock } = this.#plane;
    const expiry = store.list("token").find((token) => token.token_id === tokenId)?.expires_at_ms ?? null;
    const cancel = expiry === null
      ? () => {}
      : afterLong(clock, expiry - clock.now(), () => endSocket(ws, clock, 1008, "the token has expired"));
    return () => {
      cancel();
      sockets.delete(socket);
      if (sockets.size === 0) this.#byToken.delete(tokenId);
    };
  }

  #peer(route: Route, socket: ServerSocket, actor: Actor, belongTo: (owner: Actor) => void): Peer {
    const { store, clock, fsTokens, leases, tunnels } = this.#plane;
    const note = (access: RelayAccess) => noteAccess(this.#plane, access);
    const parts = { store, tunnels, clock, fsTokens, leases, note };
    switch (route.kind) {
      case "control":
        return new Session(this.#plane, socket, actor);
      case "node_tunnel":
        return new NodePeer(parts, socket);
      case "node_files":
        return new ClientPeer(parts, Object.assign(socket, { belongTo }), route.nodeId, actor);
    }
  }

  /** Closes a connection whose peer does not say what it wants. Returns the function that says it has. */
  #expectGreeting(ws: WebSocket, route: Route): (() => void) | undefined {
    const { clock } = this.#plane;
    const limitMs = this.#config.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
    return clock.after(limitMs, () => {
      // Who says nothing does not answer a close either, and must not keep one of the places of anonymous peers.
      endSocket(ws, clock, 1008, `no ${greetingOf(route)} within ${limitMs / 1000} s`);
    });
  }

  /** Pings a peer and drops it when two pings in a row stay unanswered. Returns the function that stops it. */
  #ping(ws: WebSocket): () => void {
    let missed = 0;
    ws.on("pong", () => missed = 0);
    const beat = () => {
      if (missed >= 2) return ws.terminate();
      missed++;
      ws.ping();
      cancel = this.#plane.clock.after(this.#config.pingIntervalMs, beat);
    };
    let cancel = this.#plane.clock.after(this.#config.pingIntervalMs, beat);
    return () => cancel();
  }
}

/** Closes a connection; who does not say goodbye is not waited for. */
function endSocket(ws: WebSocket, clock: Clock, code: number, reason: string): void {
  ws.close(code, reason);
  const cancel = clock.after(GOODBYE_MS, () => ws.terminate());
  ws.once("close", cancel);
}
