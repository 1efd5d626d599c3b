/**
 * The port of a node that has no control plane: clients of the file protocol
 * come in by WebSocket.
 *
 * `/v2/fs` (or `/`) is the reference's way in, where the hello carries the
 * token. `/v2/fs/node/<name>` is how a client reaches a node through a server;
 * here it leads to the node itself, and the Authorization header will do, so
 * that the same client works with both.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { getLogger } from "@logtape/logtape";
// @ts-types="@types/ws"
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { BearerAttempts } from "../../control/listen/bearer_attempts.ts";
import { type Certificate, type CertificateFiles, readCertificate } from "../../control/listen/certificate.ts";
import { CertificateWatch } from "../../control/listen/certificate_watch.ts";
import { checkBind } from "../../control/listen/check_bind.ts";
import { FS_FRAME_BYTES } from "../../control/listen/frame_limit.ts";
import { hostAllowed, type HostRules, hostRules } from "../../control/listen/host_allowed.ts";
import { Listener } from "../../control/listen/listener.ts";
import { isLoopback } from "../../control/listen/loopback.ts";
import { type Refusal, refuseRequest, refuseUpgrade } from "../../control/listen/refusal.ts";
import { bearerOf, originAllowed } from "../../control/listen/request_head.ts";
import { Errno, errorText, FsError, fsErrorFrame, type FsHello, ZssError } from "../../control/protocol/mod.ts";
import type { Clock } from "../../drivers/process/clock.ts";
import { FsClientSession, type RequestHandler } from "./fs_client_session.ts";

const log = getLogger(["zss", "runtime", "standalone"]);

/** How long a new client may take to say hello, in milliseconds. */
const HELLO_TIMEOUT_MS = 5_000;
/** Time between pings, in milliseconds; who misses two is cut off. */
const PING_MS = 20_000;
/** How long a client may take to say goodbye, in milliseconds. */
const GOODBYE_MS = 500;
/** Clients at once. */
const MAX_CLIENTS = 256;

/** Where a node listens and whom it lets in. */
export interface EndpointOptions {
  /** @default {"127.0.0.1"} */
  readonly bind: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** What clients have to bring; without one everybody on this machine may come in. */
  readonly authToken: string | undefined;
  readonly tls?: CertificateFiles | undefined;
  /** Allows plain text, or no token, beyond this machine. @default {false} */
  readonly insecureBind?: boolean;
  /** Names that a Host header may hold besides loopback, `bind` and the address connected to. @default {[]} */
  readonly allowedHosts?: readonly string[];
}

/** What an endpoint takes from outside. */
export interface EndpointParts {
  readonly clock: Clock;
  /** Name of the node, for the way in that names it. */
  readonly nodeName: string;
  /** Makes what answers the requests of one client. */
  readonly connect: (send: (frame: string) => void, options: { readonly subscribe: boolean }) => RequestHandler;
}

/**
 * Refuses what would let in whom nobody has asked.
 *
 * @throws {ZssError} `insecure_bind`: beyond this machine, and without TLS or without a token.
 */
export function checkEndpoint(options: EndpointOptions): void {
  checkBind(options);
  if (options.authToken !== undefined || options.insecureBind === true || isLoopback(options.bind)) return;
  throw new ZssError("insecure_bind", `Cannot listen on "${options.bind}" without a token: everybody could come in`, {
    hint: "give --auth-token-file or ZSS_NODE_AUTH_TOKEN, or --insecure-bind where the network lets only friends in",
  });
}

/** The port and the clients behind it. */
export class FsEndpoint {
  readonly #options: EndpointOptions;
  readonly #parts: EndpointParts;
  readonly #rules: HostRules;
  readonly #attempts: BearerAttempts;
  readonly #open = new Set<WebSocket>();
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: FS_FRAME_BYTES,
    perMessageDeflate: false,
    // It would queue an answer to every ping of a client that takes none.
    autoPong: false,
  });
  #listener: Listener | undefined;
  #certificates: CertificateWatch | undefined;
  #refused = 0;
  #slow = 0;
  #isClosing = false;

  private constructor(options: EndpointOptions, parts: EndpointParts) {
    this.#options = options;
    this.#parts = parts;
    this.#rules = hostRules(options.bind, options.allowedHosts ?? []);
    this.#attempts = new BearerAttempts(parts.clock);
  }

  /**
   * Begins to listen.
   *
   * @throws {ZssError} `insecure_bind`, `tls_certificate`, `port_in_use` or `listen_failed`.
   */
  static async open(options: EndpointOptions, parts: EndpointParts): Promise<FsEndpoint> {
    checkEndpoint(options);
    const certificate = options.tls === undefined ? undefined : await readCertificate(options.tls);
    const endpoint = new FsEndpoint(options, parts);
    endpoint.#listener = await Listener.open({
      bind: options.bind,
      port: options.port,
      certificate,
      clock: parts.clock,
      onRequest: (request, response) => endpoint.#answer(request, response),
      onUpgrade: (request, socket, head) => endpoint.#upgrade(request, socket, head),
    });
    if (options.tls !== undefined && certificate !== undefined) endpoint.#watch(options.tls, certificate);
    return endpoint;
  }

  /** Where clients connect, for example `ws://127.0.0.1:18891/v2/fs`. */
  get url(): string {
    return `${this.#listener?.url ?? ""}/v2/fs`;
  }

  /** How many clients there are and what became of others. */
  get numbers(): { readonly connected: number; readonly refused_total: number; readonly slow_total: number } {
    return { connected: this.#open.size, refused_total: this.#refused, slow_total: this.#slow };
  }

  /** Says goodbye to every client and frees the port. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([...this.#open].map((ws) => {
      const gone = new Promise<void>((resolve) => ws.once("close", () => resolve()));
      this.#end(ws, 1001, "the node ends");
      return gone;
    }));
    await Promise.all([this.#certificates?.close(), this.#listener?.close()]);
  }

  #watch(files: CertificateFiles, current: Certificate): void {
    this.#certificates = new CertificateWatch({
      files,
      current,
      clock: this.#parts.clock,
      apply: async (fresh) => await this.#listener?.replaceCertificate(fresh),
      report: (news) => {
        if (news.type === "replaced") log.info("The certificate was replaced");
        else log.error("The certificate in use stays: {reason}", { reason: news.reason });
      },
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const refusal = this.#refusePlace(request);
    if (refusal !== undefined) return refuseRequest(response, refusal, this.#parts.clock.now());
    response.writeHead(426, { "Content-Type": "text/plain; charset=utf-8", Upgrade: "websocket" });
    response.end("zss node without a control plane: connect with a WebSocket to /v2/fs\n");
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    if (this.#isClosing) return void socket.destroy();
    socket.on("error", (error: Error) => {
      log.debug("Upgrade socket failed: {error}", { error: error.message });
      socket.destroy();
    });
    const refusal = this.#refusePlace(request);
    // Older runtimes have given the connection away by now, which shows in the missing address.
    if (refusal !== undefined && request.socket.remoteAddress !== undefined) {
      return refuseUpgrade(socket, refusal, this.#parts.clock.now());
    }
    this.#sockets.handleUpgrade(request, socket, Buffer.from(head), (ws: WebSocket) => {
      ws.on("error", (error) => log.debug("Connection closed: {error}", { error: errorText(error) }));
      const error = refusal === undefined ? this.#refuseUpgraded(request) : new FsError(Errno.EACCES, refusal.message);
      if (error === undefined) return this.#serve(ws, request);
      this.#refused++;
      ws.send(fsErrorFrame(undefined, error));
      this.#end(ws, 1008, "refused");
    });
  }

  #refusePlace({ headers, socket }: IncomingMessage): Refusal | undefined {
    if (!hostAllowed(headers.host, this.#rules, socket.localAddress)) {
      return { status: 421, reason: "Misdirected Request", code: "host_not_allowed", message: "host is not allowed" };
    }
    if (!originAllowed(headers.origin, headers.host)) {
      return { status: 403, reason: "Forbidden", code: "forbidden", message: "origin is not allowed" };
    }
    return undefined;
  }

  /** What the reference says in a frame, when the connection stands. */
  #refuseUpgraded(request: IncomingMessage): FsError | undefined {
    const way = wayIn(request.url ?? "");
    if (way === undefined) return new FsError(Errno.EINVAL, "invalid FS endpoint path");
    if (way.nodeName !== undefined && way.nodeName !== this.#parts.nodeName) {
      return new FsError(Errno.ENOENT, `NodeNotFound: this is node "${this.#parts.nodeName}", without a control plane`);
    }
    if (this.#open.size >= MAX_CLIENTS) {
      return new FsError(Errno.EAGAIN, `would block: ${MAX_CLIENTS} clients are connected`);
    }
    return undefined;
  }

  #serve(ws: WebSocket, request: IncomingMessage): void {
    const { clock, connect } = this.#parts;
    this.#open.add(ws);
    const session = new FsClientSession({
      get bufferedBytes() {
        return ws.bufferedAmount;
      },
      send: (text, taken) => {
        if (ws.readyState === ws.OPEN) ws.send(text, taken);
      },
      pause: () => ws.pause(),
      resume: () => ws.resume(),
      close: (code, reason) => this.#end(ws, code, reason),
    }, {
      admit: (hello) => this.#admit(hello, request),
      connect,
      subscribesByDefault: wayIn(request.url ?? "")?.nodeName === undefined,
      onSlow: () => {
        this.#slow++;
        log.warn("A client was cut off: it does not take what is sent to it");
      },
      onRefused: () => this.#refused++,
    });
    const limit = clock.after(HELLO_TIMEOUT_MS, () => {
      if (!session.isOpen) this.#end(ws, 1008, `no hello within ${HELLO_TIMEOUT_MS / 1000} s`);
    });
    const stopPings = this.#ping(ws);
    answerPings(ws);
    ws.on("message", (data: RawData, isBinary: boolean) => {
      if (ws.readyState !== ws.OPEN) return;
      if (isBinary) {
        ws.send(fsErrorFrame(undefined, new FsError(Errno.EINVAL, UNSUPPORTED_OPCODE)));
        // Who goes on sends into the void: nothing is answered that nobody may take.
        session.closed();
        return this.#end(ws, 1003, UNSUPPORTED_OPCODE);
      }
      session.receive(data.toString()).catch((error) => {
        log.error("A connection failed: {error}", { error });
        this.#end(ws, 1011, "internal error");
      });
    });
    ws.on("close", () => {
      limit();
      stopPings();
      this.#open.delete(ws);
      session.closed();
    });
  }

  /** Compares what a client brings with the token of the node. */
  #admit(hello: FsHello, request: IncomingMessage): void {
    const { authToken } = this.#options;
    if (authToken === undefined) return;
    const address = request.socket.remoteAddress;
    const wait = this.#attempts.retryAfterSeconds(address);
    if (wait > 0) throw new FsError(Errno.EACCES, `AuthFailed: too many wrong tokens, try again in ${wait} s`);
    const brought = hello.auth_token ?? bearerOf(request.headers.authorization);
    if (brought === undefined) throw new FsError(Errno.EACCES, "AuthMissing: this node wants its token in auth_token");
    if (!isSameSecret(brought, authToken)) {
      this.#attempts.failed(address);
      throw new FsError(Errno.EACCES, "AuthFailed: the token is not that of this node");
    }
    this.#attempts.succeeded(address);
  }

  #ping(ws: WebSocket): () => void {
    const { clock } = this.#parts;
    let missed = 0;
    ws.on("pong", () => missed = 0);
    const beat = () => {
      if (missed >= 2) return ws.terminate();
      missed++;
      ws.ping();
      cancel = clock.after(PING_MS, beat);
    };
    let cancel = clock.after(PING_MS, beat);
    return () => cancel();
  }

  /** Closes a connection; who does not say goodbye is not waited for. */
  #end(ws: WebSocket, code: number, reason: string): void {
    // Paused, it would not hear the goodbye.
    if (ws.isPaused) ws.resume();
    ws.close(code, reason);
    const cancel = this.#parts.clock.after(GOODBYE_MS, () => ws.terminate());
    ws.once("close", cancel);
  }
}

const UNSUPPORTED_OPCODE = "unsupported websocket opcode";

/** Answers the newest ping when the system has taken the answer to the one before. */
function answerPings(ws: WebSocket): void {
  let isUnderWay = false;
  let next: Uint8Array | undefined;
  const answer = (data: Uint8Array) => {
    if (ws.readyState !== ws.OPEN) return;
    isUnderWay = true;
    ws.pong(data, false, () => {
      isUnderWay = false;
      const waiting = next;
      next = undefined;
      if (waiting !== undefined) answer(waiting);
    });
  };
  ws.on("ping", (data: Uint8Array) => {
    if (isUnderWay) next = data;
    else answer(data);
  });
}

/** What a request target leads to; undefined for nothing. */
function wayIn(target: string): { readonly nodeName: string | undefined } | undefined {
  if (target === "/" || target === "/v2/fs") return { nodeName: undefined };
  const [, nodeName] = /^\/v2\/fs\/node\/([A-Za-z0-9._-]{1,128})$/.exec(target) ?? [];
  return nodeName === undefined ? undefined : { nodeName };
}

/** Compares in a time that tells nothing of either; the digests make them equally long. */
function isSameSecret(one: string, other: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
