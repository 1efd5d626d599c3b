/**
 * How somebody is turned away before a word was said: as HTTP, with the
 * reference's error as the body.
 *
 * @module
 */

import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { legacyError } from "../protocol/envelope.ts";

/** Why a request is not granted, as an HTTP answer. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly code: string;
  readonly message: string;
  /** Whole seconds after which another try makes sense. */
  readonly retryAfterSeconds?: number;
}

/** Refuses an upgrade, whose answer has to be written by hand. */
export function refuseUpgrade(socket: Duplex, refusal: Refusal, now: number): void {
  const body = legacyError(refusal.code, refusal.message, now);
  const head = Object.entries(refusalHeaders(refusal, body)).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(
    `HTTP/1.1 ${refusal.status} ${refusal.reason}\r\n${head}\r\n${body}`,
    // A peer that keeps its half open must not keep ours.
    () => socket.destroy(),
  );
}

/** Refuses a request. */
export function refuseRequest(response: ServerResponse, refusal: Refusal, now: number): void {
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
