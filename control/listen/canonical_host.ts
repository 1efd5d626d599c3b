/**
 * One spelling for each host, so that two can be compared.
 *
 * @module
 */

import { isIPv6 } from "node:net";

/** IPv4 within IPv6, as a URL spells it. */
const MAPPED = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/;

/**
 * The spelling that {@linkcode hostAllowed} compares: lower case, no brackets, no zone, no dot at the end, an IPv4
 * address that stands in an IPv6 one by itself.
 *
 * @param host A name or an address without a port, in brackets or not.
 * @returns `undefined` for what can be neither.
 */
export function canonicalHost(host: string): string | undefined {
  const bare = host.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  const isV6 = isIPv6(bare);
  // A URL would take more than a host: a user, a path.
  if (!isV6 && !/^[a-z0-9._-]{1,253}$/i.test(bare)) return undefined;
  let name: string;
  try {
    name = new URL(`http://${isV6 ? `[${bare}]` : bare}`).hostname;
  } catch {
    return undefined;
  }
  const [, high, low] = MAPPED.exec(name) ?? [];
  if (high === undefined || low === undefined) return name.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  const bits = [high, low].map((group) => parseInt(group, 16));
  return bits.flatMap((group) => [group >> 8, group & 255]).join(".");
}

/** The host of a Host header, without its port; `undefined` for what is none. */
export function hostOfHeader(header: string): string | undefined {
  const [, host] = /^(\[[^\]]*\]|[^:]*)(?::[0-9]{1,5})?$/.exec(header.trim()) ?? [];
  return host === undefined ? undefined : canonicalHost(host);
}
