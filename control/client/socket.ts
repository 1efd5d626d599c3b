/**
 * The client's end of a WebSocket.
 *
 * It is that of `ws` and not the runtime's own: that one leaves Nagle's
 * algorithm on, which costs 40 ms a call, and says nothing of why an upgrade
 * was refused.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { rootCertificates, Server as TlsServer } from "node:tls";
// @ts-types="@types/ws"
import { type RawData, WebSocket } from "ws";
import { isObject } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { parseJson } from "../protocol/json.ts";
import { openError, openTimeout } from "./open_error.ts";
import { openRuntimeSocket } from "./runtime_socket.ts";
import type { SocketOptions, TextSocket } from "./text_socket.ts";

/** How long a server may take to answer the upgrade, in milliseconds. */
const OPEN_TIMEOUT_MS = 10_000;
/** Largest frame that is accepted: a snapshot or an event may hold a catalog of a thousand services. */
const MAX_FRAME_BYTES = 128 * 1024 * 1024;
/** Frames up to this size are copied once more to be written at once, in UTF-16 units. */
const ONE_WRITE_CHARS = 16_384;
/** So much of the body of a refusal is read. */
const MAX_REFUSAL_LENGTH = 16_384;

/** Older runtimes lack this, and there a TLS connection of node:tls cannot be upgraded by `ws`. */
const hasWholeTls = typeof TlsServer.prototype.setSecureContext === "function";

/** What to do about a refusal, by the code that the server gave. */
const REFUSAL_HINTS: Readonly<Record<string, string>> = {
  host_not_allowed: "start the server with --allowed-host NAME for the name in this address",
  too_many_attempts: "check ZSS_TOKEN or --token-file before the next try",
};

/**
 * Opens a WebSocket.
 *
 * @throws {ZssError} `invalid_url`, `unreachable`, `timeout`, `tls_failed`, or what the server
 * refused the upgrade with (`provider_auth_failed` for a token it does not know).
 */
export async function openSocket(options: SocketOptions): Promise<TextSocket> {
  const url = parseUrl(options.url);
  if (url.protocol === "wss:" && !hasWholeTls) return await openRuntimeSocket(url, options, OPEN_TIMEOUT_MS);
  if (options.token !== undefined && !/^[\x21-\x7e]+$/.test(options.token)) {
    throw new ZssError("invalid_token", `Cannot connect to ${url.href}: the token holds signs that no token has`, {
      hint: "check ZSS_TOKEN or --token-file for spaces and line ends",
    });
  }
  const ws = new WebSocket(url, {
    headers: options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` },
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    // What is given here takes the place of the certificates that everybody trusts.
    ...(options.ca === undefined ? {} : { ca: [...rootCertificates, options.ca] }),
  });
  const socket = new WsTextSocket(ws);
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      ws.once("open", resolve);
      ws.once("error", (cause) => reject(openError(url, cause)));
      ws.once("unexpected-response", (_request, response: IncomingMessage) => {
        refusal(url, response).then(reject, reject);
      });
      // Over all of it: also a refusal may come drop by drop.
      timer = setTimeout(() => reject(openTimeout(url, OPEN_TIMEOUT_MS)), OPEN_TIMEOUT_MS);
    });
    return socket;
  } catch (error) {
    ws.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** The error for a token that the server refused; `where` is what was to be reached. */
export function unknownToken(where: string): ZssError {
  return new ZssError("provider_auth_failed", `Cannot connect to ${where}: the server does not know this token`, {
    hint: "check ZSS_TOKEN, --token-file or the context in use: zss context show",
  });
}

/** Address of another path on the server of `url`. */
export function urlWithPath(url: string, path: string): string {
  const other = new URL(parseUrl(url));
  other.pathname = path;
  other.search = "";
  return other.href;
}

function parseUrl(text: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // said below
  }
  if (url !== undefined) url.hash = "";
  if (url !== undefined && (url.protocol === "ws:" || url.protocol === "wss:") && url.hostname !== "") return url;
  throw new ZssError("invalid_url", `Cannot connect to "${text}": an address of the form ws://host:port is wanted`, {
    hint: "for example --url ws://127.0.0.1:18790",
  });
}

/** Frames that arrive before anybody listens wait in order. */
class WsTextSocket implements TextSocket {
  readonly #ws: WebSocket;
  #textListener: ((text: string) => void) | undefined;
  #closeListener: ((reason: string) => void) | undefined;
  #closedBecause: string | undefined;
  #early: string[] = [];

  constructor(ws: WebSocket) {
    this.#ws = ws;
    ws.on("message", (data: RawData, isBinary: boolean) => {
      if (isBinary) return;
      const text = data.toString();
      if (this.#textListener === undefined) this.#early.push(text);
      else this.#textListener(text);
    });
    // An error ends the socket, and its end is what is heard.
    ws.on("error", () => {});
    ws.on("close", (code: number, reason: Uint8Array) => {
      const text = new TextDecoder().decode(reason);
      this.#closedBecause = text === "" ? `code ${code}` : `${text}, code ${code}`;
      this.#closeListener?.(this.#closedBecause);
    });
  }

  send(text: string): void {
    if (this.#ws.readyState !== WebSocket.OPEN) return;
    // Bytes that it may not mask in place go out in one write with their head, text in two.
    if (text.length <= ONE_WRITE_CHARS) this.#ws.send(Buffer.from(text), { binary: false });
    else this.#ws.send(text);
  }

  onText(listener: (text: string) => void): void {
    this.#textListener = listener;
    for (const text of this.#early.splice(0)) listener(text);
  }

  onClose(listener: (reason: string) => void): void {
    if (this.#closedBecause === undefined) this.#closeListener = listener;
    else listener(this.#closedBecause);
  }

  pause(): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.pause();
  }

  resume(): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.resume();
  }

  close(): void {
    // Paused, it would never hear the other side say goodbye.
    this.resume();
    this.#ws.close(1000);
  }
}

/** Why a server did not grant the upgrade; what zss answers says so in its body. */
async function refusal(url: URL, response: IncomingMessage): Promise<ZssError> {
  const status = response.statusCode ?? 0;
  if (status === 401) {
    response.resume();
    return unknownToken(url.href);
  }
  let body = "";
  for await (const part of response) {
    body += String(part);
    if (body.length > MAX_REFUSAL_LENGTH) break;
  }
  const said = legacyRefusal(body);
  return new ZssError(
    said?.code ?? "unreachable",
    `Cannot connect to ${url.href}: ${said?.message ?? "the server answered without an upgrade"} (status ${status})`,
    {
      hint: said === undefined
        ? "check the address: is it a zss server?"
        : REFUSAL_HINTS[said.code] ?? "check the address and the rights of the token",
    },
  );
}

function legacyRefusal(body: string): { readonly code: string; readonly message: string } | undefined {
  try {
    const value = parseJson(body);
    if (!isObject(value) || typeof value["code"] !== "string" || typeof value["message"] !== "string") return undefined;
    return { code: value["code"], message: value["message"] };
  } catch {
    return undefined;
  }
}
