/**
 * The port of a server: HTTP, or HTTPS with a certificate that can be replaced.
 *
 * @module
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { getLogger } from "@logtape/logtape";
import { type Clock, sleep } from "../../drivers/process/clock.ts";
import { sendAtOnce } from "../../drivers/process/no_delay.ts";
import { errorText, ZssError } from "../protocol/errors.ts";
import type { Certificate } from "./certificate.ts";

const log = getLogger(["zss", "control", "listen"]);

/** A peer has so long for the head of a request, and for the TLS handshake before it, in milliseconds. */
const HEAD_TIMEOUT_MS = 5_000;
/** Time between two tries to get a port back, in milliseconds. */
const RELISTEN_MS = 50;

/** Where a listener listens and what it does with what comes. */
export interface ListenerOptions {
  readonly bind: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** With one the port speaks TLS and nothing else. */
  readonly certificate: Certificate | undefined;
  readonly clock: Clock;
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Uint8Array) => void;
}

/** A port that is listened on. */
export class Listener {
  readonly #options: ListenerOptions;
  #server: Server;
  /** Where it listens, for example `wss://127.0.0.1:18790`. */
  readonly url: string;
  readonly #port: number;
  readonly #retired: { readonly server: Server; readonly closed: Promise<void> }[] = [];
  readonly #closing = new AbortController();
  /** The replacement that goes on; a port that is being taken back must not outlive `close`. */
  #replacing: Promise<void> = Promise.resolve();

  private constructor(options: ListenerOptions, server: Server) {
    this.#options = options;
    this.#server = server;
    this.#port = portOf(server) ?? options.port;
    const host = options.bind.includes(":") ? `[${options.bind}]` : options.bind;
    this.url = `${options.certificate === undefined ? "ws" : "wss"}://${host}:${this.#port}`;
  }

  /**
   * Begins to listen.
   *
   * @throws {ZssError} `port_in_use` or `listen_failed`.
   */
  static async open(options: ListenerOptions): Promise<Listener> {
    const server = makeServer(options, options.certificate);
    await listen(server, options.bind, options.port);
    return new Listener(options, server);
  }

  /** Takes this certificate for connections to come; those that are open stay as they are. */
  async replaceCertificate(certificate: Certificate): Promise<void> {
    const server: Partial<Pick<TlsServer, "setSecureContext">> & Server = this.#server;
    if (typeof server.setSecureContext === "function") return server.setSecureContext(certificate);
    await (this.#replacing = this.#listenAnew(server, certificate));
  }

  /** What older runtimes need instead: for a moment nobody gets in. */
  async #listenAnew(server: Server, certificate: Certificate): Promise<void> {
    this.#retired.push({ server, closed: closed(server) });
    this.#server = makeServer(this.#options, certificate);
    const { clock, bind } = this.#options;
    while (!this.#closing.signal.aborted) {
      try {
        return await listen(this.#server, bind, this.#port);
      } catch (error) {
        log.debug("Waiting for the port: {error}", { error: errorText(error) });
        await sleep(clock, RELISTEN_MS, this.#closing.signal);
      }
    }
  }

  /** Frees the port and ends every connection that is no WebSocket. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#replacing;
    const server = this.#server;
    const all = [...this.#retired, ...(server.listening ? [{ server, closed: closed(server) }] : [])];
    for (const { server } of all) server.closeAllConnections();
    await Promise.all(all.map(({ closed }) => closed));
  }
}

function portOf(server: Server): number | undefined {
  const address = server.address();
  return typeof address === "object" ? address?.port : undefined;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function makeServer(options: ListenerOptions, certificate: Certificate | undefined): Server {
  const limits = { headersTimeout: HEAD_TIMEOUT_MS, connectionsCheckingInterval: 1_000 };
  const server = certificate === undefined ? createServer(limits, options.onRequest) : createTlsServer(
    // A WebSocket begins as HTTP/1.1.
    { ...limits, ...certificate, handshakeTimeout: HEAD_TIMEOUT_MS, ALPNProtocols: ["http/1.1"] },
    options.onRequest,
  );
  server.on("tlsClientError", (error: Error) => log.debug("TLS handshake failed: {error}", { error: error.message }));
  server.on("upgrade", options.onUpgrade);
  return server;
}

function listen(server: Server, bind: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error & { readonly code?: string }) => {
      reject(
        error.code === "EADDRINUSE"
          ? new ZssError("port_in_use", `Cannot listen on ${bind}:${port}: the port is taken`, {
            hint: "stop the program that has it, or choose another with --port (0 takes a free one)",
            cause: error,
          })
          : new ZssError("listen_failed", `Cannot listen on ${bind}:${port}: ${error.message}`, {
            hint: "check --bind and --port",
            cause: error,
          }),
      );
    };
    server.once("error", failed);
    server.listen(port, bind, () => {
      server.off("error", failed);
      server.on("error", (error) => log.error("The port {port} failed: {error}", { port, error: error.message }));
      sendAtOnce(portOf(server) ?? port, (problem) => log.warn("{problem}", { problem }));
      resolve();
    });
  });
}
