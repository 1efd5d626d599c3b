/**
 * The server: one port, HTTP and WebSocket, and everything behind it.
 *
 * @module
 */

import { getRequestListener } from "@hono/node-server";
import { getLogger } from "@logtape/logtape";
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../../drivers/process/clock.ts";
import { openAuditLog } from "../audit/audit_log.ts";
import { EventHub } from "../events/hub.ts";
import { openEventLog } from "../events/log.ts";
import { Meters, metricsObject } from "../metrics/meters.ts";
import { prometheusText } from "../metrics/prometheus.ts";
import { actorOf } from "../pairing/bearers.ts";
import { FsTokens } from "../pairing/fs_tokens.ts";
import { LeaseKeeper } from "../pairing/leases.ts";
import { hashSecret, newSecret, type RandomBytes } from "../pairing/tokens.ts";
import type { Actor } from "../policy/rights.ts";
import { ensureSystemProject } from "../projects/projects.ts";
import { errorText, ZssError } from "../protocol/errors.ts";
import { TunnelRegistry } from "../relay/tunnels.ts";
import { type Agents, readAgents } from "../sessions/agents.ts";
import { Budget } from "../sessions/budget.ts";
import type { ControlPlane } from "../sessions/control_plane.ts";
import { DEFAULT_MAX_EVENTS } from "../store/history_index.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import { noteRefusal } from "./access_notes.ts";
import { Admission } from "./admission.ts";
import { makeApp } from "./app.ts";
import { type Certificate, readCertificate } from "../listen/certificate.ts";
import { CertificateWatch } from "../listen/certificate_watch.ts";
import { checkBind } from "../listen/check_bind.ts";
import type { ServerConfig } from "./config.ts";
import { ensureAdminToken } from "./first_token.ts";
import { Listener } from "../listen/listener.ts";
import { type Refusal, refuseRequest, refuseUpgrade } from "../listen/refusal.ts";
import { type Route, routeOf } from "./route.ts";
import { bearerOf } from "../listen/request_head.ts";
import { Sockets } from "./sockets.ts";

const log = getLogger(["zss", "control", "server"]);

/** So many refusals of anonymous connections are written down in a minute; anybody can cause more. */
const ANONYMOUS_REFUSALS = 60;

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
  checkBind(config);
  const certificate = config.tls === undefined ? undefined : await readCertificate(config.tls);
  const agents = await readAgents(config.dataDir);
  const meters = new Meters();
  const store = parts.store ?? openSqliteStore({
    folder: config.dataDir,
    history: { maxEvents: Math.max(DEFAULT_MAX_EVENTS, config.watch.historyMax) },
    onCommitted: (tookMs) => meters.commit.observe(tookMs / 1000),
    newEpoch: () => hashSecret(Array.from(parts.random(16)).join()).slice(0, 16),
  });
  try {
    return await serve(config, { ...parts, store, meters, agents, certificate });
  } catch (error) {
    // Nobody else could open it while a start that failed holds it.
    await store.close();
    throw error;
  }
}

/** What a server works with once its store is open. */
interface OpenParts extends ServerParts {
  readonly store: Store;
  readonly meters: Meters;
  readonly agents: Agents;
  readonly certificate: Certificate | undefined;
}

async function serve(config: ServerConfig, parts: OpenParts): Promise<RunningServer> {
  const { clock, random, store, meters, agents, certificate } = parts;
  const hub = new EventHub({ store, clock });
  const leases = new LeaseKeeper({ store, clock, graceMs: config.offlineGraceMs });
  const presetHash = config.adminToken === undefined ? undefined : hashSecret(config.adminToken);
  const actorOfHeader = (header: string | undefined) => actorOf(bearerOf(header), store, presetHash, clock.now());
  await store.transact((tx) => ensureSystemProject(tx, hashSecret(newSecret("proj-", random)), clock.now()));
  const audit = await openLog("audit", config.dataDir, () => openAuditLog(config.dataDir, store, clock));
  const plane: ControlPlane = {
    store,
    hub,
    clock,
    random,
    leases,
    tunnels: new TunnelRegistry(clock),
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
  const { eventLog: logConfig } = config;
  const eventLog = logConfig === undefined
    ? undefined
    : await openLog("event", logConfig.folder, () => openEventLog(logConfig, store));
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
  let closing = false;
  const app = makeApp({
    clock,
    isReady: () => !closing,
    isAdmin: (header) => actorOfHeader(header)?.role === "admin",
    metrics: () => metricsObject({ meters, store, hub, historyMax: config.watch.historyMax }),
    prometheus: (values) => prometheusText(values, meters),
  });
  const admission = new Admission(config, clock, actorOfHeader);
  const answer = getRequestListener(app.fetch);
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    const judged = admission.refusePlace(request) ?? admission.actorOf(request);
    if ("status" in judged) {
      noteRefusal(plane, judged, request.url);
      refuseRequest(response, judged, clock.now());
    } else void answer(request, response);
  };
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    if (closing) return void socket.destroy();
    socket.on("error", (error: Error) => {
      log.debug("Upgrade socket failed: {error}", { error });
      socket.destroy();
    });
    const decision = decide(request, admission, (actor) => sockets.isFull(actor));
    if ("status" in decision) {
      noteRefusal(plane, decision, request.url);
      // Older runtimes have given the connection away by now, which shows in the missing address, and let nothing but a
      // 101 through. There the refusal is the first frame, as in the reference.
      if (request.socket.remoteAddress === undefined) sockets.refuse(request, socket, head, decision);
      else refuseUpgrade(socket, decision, clock.now());
    } else sockets.accept(request, socket, head, decision.route, decision.actor);
  };
  const listener = await Listener.open({ ...config, certificate, clock, onRequest, onUpgrade });
  leases.start();
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
      await Promise.all([certificates?.close(), listener.close()]);
      await audit.close();
      // What waited is committed now, and then written.
      await store.close();
      await eventLog?.close();
    },
  };
}

/** Opens a log. @throws {ZssError} `storage_error`. */
async function openLog<Log>(what: string, folder: string, open: () => Promise<Log>): Promise<Log> {
  try {
    return await open();
  } catch (cause) {
    throw new ZssError("storage_error", `Cannot write the ${what} log in "${folder}": ${errorText(cause)}`, {
      hint: "check the space and the rights of the folder",
      cause,
    });
  }
}

/** Decides about an upgrade from its head alone. */
function decide(
  request: IncomingMessage,
  admission: Admission,
  isFull: (actor: Actor) => boolean,
): Refusal | { readonly route: Route; readonly actor: Actor } {
  const misled = admission.refusePlace(request);
  if (misled !== undefined) return misled;
  const route = routeOf(request.url ?? "");
  if (route === undefined) {
    return { status: 404, reason: "Not Found", code: "invalid_envelope", message: "invalid websocket path" };
  }
  const actor = admission.actorOf(request);
  if ("status" in actor) return actor;
  if (isFull(actor)) {
    const whose = actor.role === "anonymous" ? "anonymous connections" : "connections with this token";
    return { status: 503, reason: "Service Unavailable", code: "busy", message: `too many ${whose}` };
  }
  return { route, actor };
}
