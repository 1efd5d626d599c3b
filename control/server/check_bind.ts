/**
 * Keeps tokens and secrets off the network unless they are encrypted.
 *
 * @module
 */

import { ZssError } from "../protocol/errors.ts";
import type { ServerConfig } from "./config.ts";
import { isLoopback } from "./loopback.ts";

/**
 * Refuses to listen beyond this machine in plain text.
 *
 * @throws {ZssError} `insecure_bind` for an address that is not loopback, without TLS and without `insecureBind`.
 */
export function checkBind({ bind, tls, insecureBind }: Pick<ServerConfig, "bind" | "tls" | "insecureBind">): void {
  if (tls !== undefined || insecureBind === true || isLoopback(bind)) return;
  throw new ZssError(
    "insecure_bind",
    `Cannot listen on "${bind}" without TLS: tokens and secrets would cross the network in plain text`,
    {
      hint: "give --tls-cert and --tls-key, or --insecure-bind where the network or a proxy encrypts",
    },
  );
}
