/**
 * Which hosts are this machine and nobody else.
 *
 * @module
 */

import { isIPv4 } from "node:net";
import { canonicalHost } from "./canonical_host.ts";

/** Whether `host`, a name or an address without a port, is a loopback one: `localhost`, 127.0.0.0/8, `::1`. */
export function isLoopback(host: string): boolean {
  const name = canonicalHost(host);
  return name === "localhost" || name === "::1" || (name !== undefined && isIPv4(name) && name.startsWith("127."));
}
