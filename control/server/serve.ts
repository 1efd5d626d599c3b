/**
 * The server: one port, HTTP and WebSocket, and everything behind it.
 *
 * @module
 */

import { getRequestListener } from "@hono/node-server";
import { getLogger } from "@logtape/logtape";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="@types/ws"
import { type WebSocket, WebSocketServer } from "ws";
import type { Clock } from "../../drivers/process/clock.ts";
import { EventHub } from "../events/hub.ts";
import { type EventLog, openEventLog } from "../events/log.ts";
import { Meters, metricsObject } from "../metrics/meters.ts";
import { prometheusText } from "../metrics/prometheus.ts";
import { memoryAudit, openAuditLog } from "../audit/audit_log.ts";
import { actorOf, createToken } from "../pairing/bearers.ts";
import { FsTokens } from "../pairing/fs_tokens.ts";
import { LeaseKeeper } from "../pairing/leases.ts";
import { hashSecret, newSecret, type RandomBytes } from "../pairing/tokens.ts";
import type { Actor } from "../policy/rights.ts";
import { legacyError } from "../protocol/envelope.ts";
import { errorText, ZssError } from "../protocol/errors.ts";
import { ensureSystemProject } from "../projects/projects.ts";
import { Budget } from "../sessions/budget.ts";
import { readAgents } from "../sessions/agents.ts";
import { ClientPeer } from "../relay/client_peer.ts";
import { NodePeer, type RelayAccess } from "../relay/node_peer.ts";
import { TunnelRegistry } from "../relay/tunnels.ts";
import type { ControlPlane } from "../sessions/control_plane.ts";
import type { SessionSocket } from "../sessions/session_socket.ts";
import { Session } from "../sessions/session.ts";
import { DEFAULT_MAX_EVENTS } from "../store/history_index.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import type { TokenRecord } from "../store/records.ts";
import type { Store, Transaction } from "../store/store.ts";
import { Admission, type Refusal } from "./admission.ts";
import { makeApp } from "./app.ts";
import { readCertificate } from "./certificate.ts";
import { CertificateWatch } from "./certificate_watch.ts";
import { checkBind } from "./check_bind.ts";
import { CONTROL_FRAME_BYTES, FS_FRAME_BYTES, HANDSHAKE_TIMEOUT_MS, type ServerConfig } from "./config.ts";
import { greetingOf, isGreeting } from "./greeting.ts";
import { Listener } from "./listener.ts";
import { bearerOf, type Route, routeOf } from "./route.ts";
import { type Peer, ServerSocket, textOf } from "./socket.ts";

const log = getLogger(["zss", "control", "server"]);

/** So many refusals of anonymous connections are written down in a minute; anybody can cause more. */
const ANONYMOUS_REFUSALS = 60;
/** How long whoever ends its own token has for the answer, in milliseconds. */
const LAST_ANSWER_MS = 100;
/** How long a connection that is cut off may take to say goodbye, in milliseconds. */
const CUT_OFF_MS = 500;
/** Longest time that a timer of the runtime takes, in milliseconds. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** A server that listens. */
export interface RunningServer {
  /** Where it listens, for example `ws://127.0.0.1:18790`; `wss://` with TLS. */
  readonly url: string;
  /** The admin token that this start has made; `undefined` when there was one. The only time it is seen. */
  readonly newAdminToken: string | undefined;
  /** Says goodbye to every peer, commits what waits and frees the port. */
  close(): Promise<void>;
}

/** What a server takes from outside. */
export interface ServerParts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Where the state is kept. @default the SQLite store in the data folder */
  readonly store?: Store;
}

/** Random bytes of the machine. */
export function systemRandom(count: number): Uint8Array {
  return randomBytes(count);
}

/**
 * Starts a server.
 *
 * @throws {ZssError} `port_in_use`, `listen_failed`, `storage_error`, `insecure_bind` or `tls_certificate`.
 */
export async function startServer(config: ServerConfig, parts: ServerParts): Promise<RunningServer> {
  const { clock, random } = parts;
  checkBind(config);
  const certificate = config.tls === undefined ? undefined : await readCertificate(config.tls);
  const meters = new Meters();
  const store = parts.store ?? openSqliteStore({
    folder: config.dataDir,
    history: { maxEvents: Math.max(DEFAULT_MAX_EVENTS, config.watch.historyMax) },
    onCommitted: (tookMs) => meters.commit.observe(tookMs / 1000),
    newEpoch: () => hashSecret(Array.from(random(16)).join()).slice(0, 16),
  });
  const hub = new EventHub({ store, clock });
  const leases = new LeaseKeeper({ store, clock, graceMs: config.offlineGraceMs });
  const presetHash = config.adminToken === undefined ? undefined : hashSecret(config.adminToken);

  let closing = false;
  const app = makeApp({
    clock,
    isAuthorized: (header) => actorOf(bearerOf(header), store, presetHash, clock.now()) !== undefined,
    isReady: () => !closing,
    isAdmin: (header) => actorOf(bearerOf(header), store, presetHash, clock.now())?.role === "admin",
    metrics: () => metricsObject({ meters, store, hub, historyMax: config.watch.historyMax }),
    prometheus: (values) => prometheusText(values, meters),
  });
  const admission = new Admission(
    config,
    clock,
    (header) => actorOf(bearerOf(header), store, presetHash, clock.now()),
  );
  const answer = getRequestListener(app.fetch);
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    const judged = admission.refusePlace(request) ?? admission.actorOf(request);
    if ("status" in judged) {
      noteRefusal(plane, judged, request.url);
      refuseRequest(response, judged, clock.now());
    } else void answer(request, response);
  };
  const agents = await readAgents(config.dataDir);
  await prepareStore(store, random, clock.now());
  const audit = config.eventLog === undefined ? memoryAudit() : await openAuditLog(config.dataDir, store);
  const plane: ControlPlane = {
    store,
    hub,
    clock,
    random,
    leases,
    audit,
    agents,
    anonymousRefusals: new Budget(clock, ANONYMOUS_REFUSALS, 60_000),
    scopeTokens: config.scopeTokens ?? {},
    hasPresetAdmin: presetHash !== undefined,
    cutOff: (tokenId, last) => sockets.cutOff(tokenId, last),
    meters,
    limits: config.watch,
    fsTokens: new FsTokens(clock, random),
  };
  const sockets = new Sockets(plane, config);
  // Before anything can commit: what the log lacks is written first, then what comes.
  const eventLog = await openLog(config, store);
  store.onCommit((events) => {
    hub.publish(events);
    const now = clock.now();
    for (const { kind, node_id, timestamp_ms } of events) {
      meters.fanout.observe(Math.max(0, now - timestamp_ms) / 1000);
      if (kind !== "deleted") continue;
      meters.removed++;
      sockets.nodeDeleted(node_id);
    }
    eventLog?.append(events);
  });
  leases.start();
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    if (closing) return void socket.destroy();
    socket.on("error", (error: Error) => {
      log.debug("Upgrade socket failed: {error}", { error });
      socket.destroy();
    });
    const isFull = sockets.anonymous >= config.maxAnonymousSockets;
    const decision = decide(request, admission, isFull);
    if ("status" in decision) {
      noteRefusal(plane, decision, request.url);
      // Older runtimes have given the connection away by now, which shows in the missing address, and let nothing but a
      // 101 through. There the refusal is the first frame, as in the reference.
      if (request.socket.remoteAddress === undefined) sockets.refuse(request, socket, head, decision);
      else refuseUpgrade(socket, decision, clock.now());
    } else sockets.accept(request, socket, head, decision.route, decision.actor);
  };
  let listener: Listener;
  try {
    listener = await Listener.open({ ...config, certificate, clock, onRequest, onUpgrade });
  } catch (error) {
    leases.close();
    await store.close();
    throw error;
  }
  // Only now: a token that is made by a start that fails would be seen by nobody.
  const madeToken = presetHash === undefined ? await ensureAdminToken(store, random, clock.now()) : undefined;
  const certificates = config.tls === undefined || certificate === undefined ? undefined : new CertificateWatch({
    files: config.tls,
    current: certificate,
    clock,
    apply: (fresh) => listener.replaceCertificate(fresh),
    report: (news) => {
      if (news.type === "replaced") log.info("The certificate has been replaced");
      else log.error("The certificate in use stays: {reason}", { reason: news.reason });
    },
  });
  return {
    url: listener.url,
    newAdminToken: madeToken,
    async close() {
      closing = true;
      leases.close();
      hub.close();
      await sockets.close();
      await audit.close();
      await Promise.all([certificates?.close(), listener.close()]);
      // What waited is committed now, and then written.
      await store.close();
      await eventLog?.close();
    },
  };
}

/** Opens the event log. @throws {ZssError} `storage_error`; the store is closed then. */
async function openLog(config: ServerConfig, store: Store): Promise<EventLog | undefined> {
  if (config.eventLog === undefined) return undefined;
  try {
    return await openEventLog(config.eventLog, store);
  } catch (cause) {
    await store.close();
    throw new ZssError(
      "storage_error",
      `Cannot write the event log in "${config.eventLog.folder}": ${errorText(cause)}`,
      {
        hint: "check the space and the rights of the folder",
        cause,
      },
    );
  }
}

/** Decides about an upgrade from its head alone. */
function decide(
  request: IncomingMessage,
  admission: Admission,
  full: boolean,
): Refusal | { readonly route: Route; readonly actor: Actor } {
  const misled = admission.refusePlace(request);
  if (misled !== undefined) return misled;
  const route = routeOf(request.url ?? "");
  if (route === undefined) {
    return { status: 404, reason: "Not Found", code: "invalid_envelope", message: "invalid websocket path" };
  }
  const actor = admission.actorOf(request);
  if ("status" in actor) return actor;
  if (actor.role === "anonymous" && full) {
    return { status: 503, reason: "Service Unavailable", code: "busy", message: "too many anonymous connections" };
  }
  return { route, actor };
}

function refuseUpgrade(socket: Duplex, refusal: Refusal, now: number): void {
  const body = legacyError(refusal.code, refusal.message, now);
  const head = Object.entries(refusalHeaders(refusal, body)).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(
    `HTTP/1.1 ${refusal.status} ${refusal.reason}\r\n${head}\r\n${body}`,
    // A peer that keeps its half open must not keep ours.
    () => socket.destroy(),
  );
}

function refuseRequest(response: ServerResponse, refusal: Refusal, now: number): void {
  const body = legacyError(refusal.code, refusal.message, now);
  response.writeHead(refusal.status, refusal.reason, refusalHeaders(refusal, body));
  response.end(body);
}

function refusalHeaders({ retryAfterSeconds }: Refusal, body: string): Record<string, string> {
  return {
    "Content-Type": "application/json",
    "Content-Length": String(body.length),
    ...(retryAfterSeconds === undefined ? {} : { "Retry-After": String(retryAfterSeconds) }),
    Connection: "close",
  };
}

/** The WebSockets of a server. */
class Sockets {
  readonly #plane: ControlPlane;
  readonly #tunnels: TunnelRegistry;
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
    this.#tunnels = new TunnelRegistry(plane.clock);
  }

  /** How many sockets have not proved who they are. */
  get anonymous(): number {
    return this.#anonymous.size;
  }

  accept(request: IncomingMessage, socket: Duplex, head: Uint8Array, route: Route, actor: Actor): void {
    const server = route.kind === "node_files" && actor.role !== "anonymous" ? this.#files : this.#control;
    server.handleUpgrade(request, socket, Buffer.from(head), (ws: WebSocket) => this.#serve(ws, route, actor));
  }

  /** Ends the tunnel of a node that is no more. */
  nodeDeleted(nodeId: string): void {
    this.#tunnels.drop(nodeId);
  }

  /** Ends the connections of a token that is good no more. */
  cutOff(tokenId: string, last?: SessionSocket): void {
    const { clock } = this.#plane;
    for (const [socket, ws] of [...this.#byToken.get(tokenId) ?? []]) {
      const end = () => endSocket(ws, clock, "the token was revoked");
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
      ws.close(1001, "server is shutting down");
      const cancel = clock.after(1_000, () => ws.terminate());
      return gone.then(cancel);
    }));
  }

  #serve(ws: WebSocket, route: Route, actor: Actor): void {
    this.#open.add(ws);
    if (actor.role === "anonymous") this.#anonymous.add(ws);
    const socket = new ServerSocket(ws, () => this.#anonymous.delete(ws));
    const peer = this.#peer(route, socket, actor);
    const stopPings = this.#ping(ws);
    let stopWaiting = this.#expectGreeting(ws, route);
    const forget = this.#remember(ws, socket, actor);
    ws.on("message", (data, isBinary) => {
      const text = textOf(data, isBinary);
      if (text === undefined) return ws.close(1003, "text frames only");
      if (stopWaiting !== undefined && isGreeting(route, text)) {
        stopWaiting();
        stopWaiting = undefined;
      }
      peer.receive(text).catch((error) => {
        log.error("Connection failed: {error}", { error });
        ws.close(1011, "internal error");
      });
    });
    ws.on("error", (error) => log.debug("Connection closed: {error}", { error: errorText(error) }));
    ws.on("close", () => {
      stopPings();
      stopWaiting?.();
      forget();
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
      : atTime(clock, expiry, () => endSocket(ws, clock, "the token has expired"));
    return () => {
      cancel();
      sockets.delete(socket);
      if (sockets.size === 0) this.#byToken.delete(tokenId);
    };
  }

  #peer(route: Route, socket: ServerSocket, actor: Actor): Peer {
    const { store, clock, fsTokens, leases } = this.#plane;
    const note = (access: RelayAccess) => noteAccess(this.#plane, access);
    const parts = { store, tunnels: this.#tunnels, clock, fsTokens, leases, note };
    switch (route.kind) {
      case "control":
        return new Session(this.#plane, socket, actor);
      case "node_tunnel":
        return new NodePeer(parts, socket);
      case "node_files":
        return new ClientPeer(parts, socket, route.nodeId, actor);
    }
  }

  /** Closes a connection whose peer does not say what it wants. Returns the function that says it has. */
  #expectGreeting(ws: WebSocket, route: Route): (() => void) | undefined {
    const { clock } = this.#plane;
    const limitMs = this.#config.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
    return clock.after(limitMs, () => {
      ws.close(1008, `no ${greetingOf(route)} within ${limitMs / 1000} s`);
      // Who says nothing does not answer a close either, and must not keep one of the places of anonymous peers.
      const cancel = clock.after(1_000, () => ws.terminate());
      ws.once("close", cancel);
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

/** Writes down who was turned away before a word was said; so many that nobody can fill the log with it. */
function noteRefusal(plane: ControlPlane, refusal: Refusal, url: string | undefined): void {
  if (!plane.anonymousRefusals.take()) return;
  // Not more than the path: a query may hold anything.
  const target = (url ?? "").split("?")[0]?.slice(0, 128) ?? null;
  const rule = `${refusal.message} (status ${refusal.status})`;
  noteConnection(plane, { role: "anonymous" }, { what: "connection", target, code: refusal.code, rule });
}

/** Writes down who opened, or was not let open, a tunnel or the files of a node. */
function noteAccess(plane: ControlPlane, { what, actor, nodeId, error }: RelayAccess): void {
  if (error !== undefined && !plane.anonymousRefusals.take()) return;
  const code = error === undefined ? null : error instanceof ZssError ? error.code : "node_auth_failed";
  const target = nodeId === null ? null : nodeId.slice(0, 128);
  noteConnection(plane, actor, { what, target, code, rule: error === undefined ? null : errorText(error) });
}

function noteConnection(
  plane: ControlPlane,
  actor: Actor,
  { what, target, code, rule }: { what: string; target: string | null; code: string | null; rule: string | null },
): void {
  plane.audit.write({
    timestamp_ms: plane.clock.now(),
    role: actor.role,
    actor: actor.role === "anonymous" ? null : actor.name,
    agent_id: null,
    control_type: what,
    scope: "none",
    target,
    correlation_id: null,
    result: code === null ? "ok" : "error",
    error_code: code,
    rule,
  });
}

/** Closes a connection; who does not say goodbye is not waited for. */
function endSocket(ws: WebSocket, clock: Clock, reason: string): void {
  ws.close(1008, reason);
  const cancel = clock.after(CUT_OFF_MS, () => ws.terminate());
  ws.once("close", cancel);
}

/** Calls `action` at a time however far away. Returns what cancels it. */
function atTime(clock: Clock, timeMs: number, action: () => void): () => void {
  let cancel: () => void;
  const wait = () => {
    const left = timeMs - clock.now();
    cancel = left <= 0 ? clock.after(0, action) : clock.after(Math.min(left, LONGEST_TIMER_MS), wait);
  };
  wait();
  return () => cancel();
}

/** Makes what every store holds. */
async function prepareStore(store: Store, random: RandomBytes, now: number): Promise<void> {
  await store.transact((tx) => ensureSystemProject(tx, hashSecret(newSecret("proj-", random)), now));
}

/** A name for a token of an admin that no other token has. */
function freeName(tx: Transaction): string {
  const taken = new Set(tx.list("token").map(({ name }) => name));
  for (let number = 1;; number++) {
    const name = number === 1 ? "admin" : `admin-${number}`;
    if (!taken.has(name)) return name;
  }
}

/** Makes an admin token when the store has none. */
async function ensureAdminToken(store: Store, random: RandomBytes, now: number): Promise<string | undefined> {
  const isAlive = (token: TokenRecord) => token.expires_at_ms === null || token.expires_at_ms > now;
  if (store.list("token").some((token) => token.role === "admin" && isAlive(token))) return undefined;
  const { token } = await store.transact((tx) => createToken(tx, { name: freeName(tx), role: "admin" }, random, now));
  return token;
}
