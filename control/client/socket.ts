/**
 * The client's end of a WebSocket.
 *
 * @module
 */

import { ZssError } from "../protocol/errors.ts";

/** How long a server may take to answer the upgrade, in milliseconds. */
const OPEN_TIMEOUT_MS = 10_000;

/** A socket that carries text frames. */
export interface TextSocket {
  send(text: string): void;
  onText(listener: (text: string) => void): void;
  /** Calls `listener` once, when the socket has ended; at once when it has already. */
  onClose(listener: (reason: string) => void): void;
  close(): void;
}

/** Where to connect and as whom. */
export interface SocketOptions {
  /** `ws://` or `wss://` address, path included. */
  readonly url: string;
  readonly token?: string | undefined;
}

/**
 * Opens a WebSocket.
 *
 * @throws {ZssError} `invalid_url`, `unreachable`, or what the server refused
 * the upgrade with (`provider_auth_failed` for a token it does not know).
 */
export async function openSocket(options: SocketOptions): Promise<TextSocket> {
  const url = parseUrl(options.url);
  const headers = options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` };
  const ws = new WebSocket(url, { headers });
  ws.binaryType = "arraybuffer";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const opened = await new Promise<boolean | "late">((resolve) => {
    ws.onopen = () => resolve(true);
    ws.onerror = () => resolve(false);
    timer = setTimeout(() => resolve("late"), OPEN_TIMEOUT_MS);
  });
  clearTimeout(timer);
  if (opened === "late") {
    ws.onerror = (event) => event.preventDefault();
    ws.close();
    throw new ZssError("timeout", `Cannot connect to ${url.href}: no answer within ${OPEN_TIMEOUT_MS / 1000} s`, {
      hint: "something listens there, but it is no zss server, or one that is overloaded",
    });
  }
  if (!opened) throw await refusal(url, headers);
  return wrap(ws);
}

/** The error for a token that the server refused; `where` is what was to be reached. */
export function unknownToken(where: string): ZssError {
  return new ZssError("provider_auth_failed", `Cannot connect to ${where}: the server does not know this token`, {
    hint: "check ZSS_TOKEN or --token-file",
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
  if (url !== undefined && (url.protocol === "ws:" || url.protocol === "wss:") && url.hostname !== "") return url;
  throw new ZssError("invalid_url", `Cannot connect to "${text}": an address of the form ws://host:port is wanted`, {
    hint: "for example --url ws://127.0.0.1:18790",
  });
}

function wrap(ws: WebSocket): TextSocket {
  let textListener: ((text: string) => void) | undefined;
  let closeListener: ((reason: string) => void) | undefined;
  let closedBecause: string | undefined;
  // Frames may arrive before anybody listens; they wait here in order.
  const early: string[] = [];
  ws.onmessage = (event) => {
    if (typeof event.data !== "string") return;
    if (textListener === undefined) early.push(event.data);
    else textListener(event.data);
  };
  ws.onerror = (event) => event.preventDefault();
  ws.onclose = (event) => {
    closedBecause = event.reason === "" ? `code ${event.code}` : `${event.reason}, code ${event.code}`;
    closeListener?.(closedBecause);
  };
  return {
    send(text) {
      if (ws.readyState === WebSocket.OPEN) ws.send(text);
    },
    onText(listener) {
      textListener = listener;
      for (const text of early.splice(0)) listener(text);
    },
    onClose(listener) {
      if (closedBecause === undefined) closeListener = listener;
      else listener(closedBecause);
    },
    close() {
      if (ws.readyState === WebSocket.OPEN) ws.close(1000);
    },
  };
}

/** Finds out why an upgrade failed: the WebSocket API does not tell, a plain request to the same place does. */
async function refusal(url: URL, headers: Record<string, string>): Promise<ZssError> {
  const unreachable = (cause?: unknown) =>
    new ZssError("unreachable", `Cannot connect to ${url.href}: nothing answers there`, {
      hint: "check the address, and that the server runs: zss server",
      cause,
    });
  const http = new URL(url);
  http.protocol = url.protocol === "wss:" ? "https:" : "http:";
  try {
    const response = await fetch(http, { headers, signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    if (response.status === 401) return unknownToken(url.href);
    return new ZssError("unreachable", `Cannot connect to ${url.href}: the server answered ${response.status}`, {
      hint: "check the address",
    });
  } catch (cause) {
    return unreachable(cause);
  }
}
