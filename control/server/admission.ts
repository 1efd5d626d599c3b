/**
 * What is decided about every request and every upgrade before anything else:
 * whether it was meant for this server, and who sends it.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { Clock } from "../../drivers/process/clock.ts";
import type { Actor } from "../policy/rights.ts";
import { BearerAttempts } from "../listen/bearer_attempts.ts";
import type { ServerConfig } from "./config.ts";
import { hostAllowed, type HostRules, hostRules } from "../listen/host_allowed.ts";
import type { Refusal } from "../listen/refusal.ts";
import { originAllowed } from "../listen/request_head.ts";

/** Judges what arrives. */
export class Admission {
  readonly #hosts: HostRules;
  readonly #origins: ReadonlySet<string>;
  readonly #attempts: BearerAttempts;
  readonly #actorOf: (authorization: string | undefined) => Actor | undefined;

  /** @param actorOf Who an Authorization header stands for; `undefined` for a token that nobody has. */
  constructor(
    config: Pick<ServerConfig, "bind" | "allowedHosts" | "allowedOrigins">,
    clock: Clock,
    actorOf: (authorization: string | undefined) => Actor | undefined,
  ) {
    this.#hosts = hostRules(config.bind, config.allowedHosts ?? []);
    this.#origins = new Set(config.allowedOrigins);
    this.#attempts = new BearerAttempts(clock);
    this.#actorOf = actorOf;
  }

  /** Refuses what was led here by a foreign name or page. */
  refusePlace({ headers, socket }: IncomingMessage): Refusal | undefined {
    if (!hostAllowed(headers.host, this.#hosts, socket.localAddress)) {
      return { status: 421, reason: "Misdirected Request", code: "host_not_allowed", message: "host is not allowed" };
    }
    if (!originAllowed(headers.origin, headers.host, this.#origins)) {
      return { status: 403, reason: "Forbidden", code: "forbidden", message: "origin is not allowed" };
    }
    return undefined;
  }

  /** Who sends a request. Wrong tokens are counted by address, and too many of them make every token wait. */
  actorOf({ headers: { authorization }, socket }: IncomingMessage): Actor | Refusal {
    const address = socket.remoteAddress;
    if (authorization === undefined) return this.#actorOf(undefined) ?? UNAUTHORIZED;
    const retryAfterSeconds = this.#attempts.retryAfterSeconds(address);
    if (retryAfterSeconds > 0) {
      return {
        status: 429,
        reason: "Too Many Requests",
        code: "too_many_attempts",
        message: `too many wrong tokens from this address, try again in ${retryAfterSeconds} s`,
        retryAfterSeconds,
      };
    }
    const actor = this.#actorOf(authorization);
    if (actor === undefined) {
      this.#attempts.failed(address);
      return UNAUTHORIZED;
    }
    this.#attempts.succeeded(address);
    return actor;
  }
}

const UNAUTHORIZED: Refusal = {
  status: 401,
  reason: "Unauthorized",
  code: "provider_auth_failed",
  message: "forbidden",
};
