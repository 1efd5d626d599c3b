/**
 * Remembers which addresses brought wrong tokens.
 *
 * @module
 */

import { isIPv6 } from "node:net";
import type { Clock } from "../../drivers/process/clock.ts";
import { afterFailure, type FailureRecord, retryAfterSeconds } from "./bearer_backoff.ts";
import { canonicalHost } from "./canonical_host.ts";

/** Most addresses that are remembered; above it the one that failed longest ago is forgotten. */
const MAX_ADDRESSES = 1024;

/** The wrong tokens of all addresses. Takes a bounded amount of memory. */
export class BearerAttempts {
  readonly #clock: Clock;
  readonly #maxAddresses: number;
  /** In the order of their last failures. */
  readonly #records = new Map<string, FailureRecord>();

  constructor(clock: Clock, maxAddresses: number = MAX_ADDRESSES) {
    this.#clock = clock;
    this.#maxAddresses = maxAddresses;
  }

  /** Whole seconds that `address` has to wait before its next token is looked at; 0 for now. */
  retryAfterSeconds(address: string | undefined): number {
    return retryAfterSeconds(this.#records.get(addressGroup(address)), this.#clock.monotonic());
  }

  /** Takes a wrong token of `address` down. */
  failed(address: string | undefined): void {
    const group = addressGroup(address);
    const record = afterFailure(this.#records.get(group), this.#clock.monotonic());
    this.#records.delete(group);
    this.#records.set(group, record);
    const [oldest] = this.#records.keys();
    if (this.#records.size > this.#maxAddresses && oldest !== undefined) this.#records.delete(oldest);
  }

  /** Forgets what `address` has failed. */
  succeeded(address: string | undefined): void {
    this.#records.delete(addressGroup(address));
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#records.size;
  }
}

/**
 * Addresses that one peer has all of: an IPv4 address by itself, an IPv6 address with the rest of its /64. Those that the
 * runtime does not say are one group.
 */
export function addressGroup(address: string | undefined): string {
  const host = address === undefined ? undefined : canonicalHost(address);
  if (host === undefined) return "unknown";
  if (!isIPv6(host)) return host;
  const [head = "", tail] = host.split("::");
  const groups = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - groups.length - last.length;
  return [...groups, ...Array<string>(zeros).fill("0"), ...last].slice(0, 4).join(":") + "::/64";
}
