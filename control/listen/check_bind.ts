/**
 * Keeps tokens and secrets off the network unless they are encrypted.
 *
 * @module
 */

import { ZssError } from "../protocol/errors.ts";
import type { CertificateFiles } from "./certificate.ts";
import { isLoopback } from "./loopback.ts";

/** What is asked for. */
export interface BindWish {
  readonly bind: string;
  readonly tls?: CertificateFiles | undefined;
  /** Allows plain text beyond this machine. @default {false} */
  readonly insecureBind?: boolean;
}

/**
 * Refuses to listen beyond this machine in plain text.
 *
 * @throws {ZssError} `insecure_bind` for an address that is not loopback, without TLS and without `insecureBind`.
 */
export function checkBind({ bind, tls, insecureBind }: BindWish): void {
  if (tls !== undefined || insecureBind === true || isLoopback(bind)) return;
  throw new ZssError(
    "insecure_bind",
    `Cannot listen on "${bind}" without TLS: tokens and secrets would cross the network in plain text`,
    {
      hint: "give --tls-cert and --tls-key, or --insecure-bind where the network or a proxy encrypts",
    },
  );
}
