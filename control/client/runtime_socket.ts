/**
 * The runtime's own WebSocket, for `wss://` on runtimes whose node:tls cannot
 * carry the one of `ws`. It is slower (see `socket.ts`), and all it says of a
 * refusal is a status.
 *
 * @module
 */

import { ZssError } from "../protocol/errors.ts";
import { openError, openTimeout } from "./open_error.ts";
import type { SocketOptions, TextSocket } from "./text_socket.ts";

/**
 * Opens such a socket.
 *
 * @param limitMs How long the server may take to answer the upgrade, in milliseconds.
 * @throws {ZssError} As `openSocket`.
 */
export async function openRuntimeSocket(url: URL, options: SocketOptions, limitMs: number): Promise<TextSocket> {
  const client = Deno.createHttpClient({ caCerts: options.ca === undefined ? [] : [options.ca] });
  const headers = options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` };
  const ws = new WebSocket(url, { headers, client });
  const socket = new RuntimeTextSocket(ws, () => client.close());
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(openTimeout(url, limitMs)), limitMs);
  ws.addEventListener("open", () => resolve(), { once: true });
  ws.addEventListener("error", (event) => {
    const text = event instanceof ErrorEvent ? event.message : "";
    const [, status] = /status code:? ([0-9]{3})/i.exec(text) ?? [];
    reject(status === undefined ? openError(url, new Error(text)) : refused(url, Number(status)));
  }, { once: true });
  try {
    await promise;
    return socket;
  } catch (error) {
    ws.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function refused(url: URL, status: number): ZssError {
  const code = status === 401 ? "provider_auth_failed" : "unreachable";
  return new ZssError(code, `Cannot connect to ${url.href}: the server refuses the upgrade (status ${status})`, {
    hint: status === 401 ? "check ZSS_TOKEN or --token-file" : "check the address: is it a zss server?",
  });
}

/** Frames that arrive before anybody listens wait in order. */
class RuntimeTextSocket implements TextSocket {
  readonly #ws: WebSocket;
  #textListener: ((text: string) => void) | undefined;
  #closeListener: ((reason: string) => void) | undefined;
  #closedBecause: string | undefined;
  readonly #held: string[] = [];
  #isPaused = false;

  constructor(ws: WebSocket, onEnd: () => void) {
    this.#ws = ws;
    ws.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") return;
      this.#held.push(data);
      this.#deliver();
    });
    ws.addEventListener("close", ({ code, reason }) => {
      this.#closedBecause = reason === "" ? `code ${code}` : `${reason}, code ${code}`;
      this.#closeListener?.(this.#closedBecause);
      onEnd();
    }, { once: true });
  }

  send(text: string): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.send(text);
  }

  onText(listener: (text: string) => void): void {
    this.#textListener = listener;
    this.#deliver();
  }

  onClose(listener: (reason: string) => void): void {
    if (this.#closedBecause === undefined) this.#closeListener = listener;
    else listener(this.#closedBecause);
  }

  /** This socket cannot hold its peer up: what comes meanwhile waits on this side. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#deliver();
  }

  #deliver(): void {
    while (!this.#isPaused && this.#textListener !== undefined) {
      const text = this.#held.shift();
      if (text === undefined) return;
      this.#textListener(text);
    }
  }

  close(): void {
    this.#ws.close(1000);
  }
}
