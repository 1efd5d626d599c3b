/**
 * Refuses requests that a browser was led into by a name that somebody else owns.
 *
 * A page of such a name may have it point at this server (DNS rebinding) and is
 * then of the same origin as it. The Host header still holds that name, which is
 * how it is told from the names of this server. Pure.
 *
 * @module
 */

import { isIP } from "node:net";
import { canonicalHost, hostOfHeader } from "./canonical_host.ts";
import { isLoopback } from "./loopback.ts";

/** What is allowed besides loopback; every host as {@linkcode canonicalHost} spells it. */
export interface HostRules {
  /** What the server was told to listen on. */
  readonly bind: string | undefined;
  /** The names that the operator gives the server. */
  readonly names: ReadonlySet<string>;
}

/** The rules of a server. Names that can be none are left out: nobody could send them. */
export function hostRules(bind: string, names: readonly string[]): HostRules {
  return {
    bind: canonicalHost(bind),
    names: new Set(names.map(canonicalHost).filter((name) => name !== undefined)),
  };
}

/**
 * Whether a request with this Host header may be answered.
 *
 * @param localAddress The address of this machine that the peer has connected to; `undefined` where the runtime does not
 * say it.
 */
export function hostAllowed(header: string | undefined, rules: HostRules, localAddress: string | undefined): boolean {
  // Every browser sends one. Probes of load balancers may not.
  if (header === undefined) return true;
  const host = hostOfHeader(header);
  if (host === undefined) return false;
  if (isLoopback(host) || host === rules.bind || rules.names.has(host)) return true;
  // Rebinding needs a name, so an address is harmless even where it cannot be compared.
  return isIP(host) !== 0 && (localAddress === undefined || host === canonicalHost(localAddress));
}
