/**
 * The certificate of a command that listens.
 *
 * @module
 */

import { usageError } from "./errors.ts";

/** Both files, or none. @throws {ZssError} `usage` when one is named without the other. */
export function certificateFiles(
  { tlsCert, tlsKey }: { readonly tlsCert?: string; readonly tlsKey?: string },
): { cert: string; key: string } | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert !== undefined && tlsKey !== undefined) return { cert: tlsCert, key: tlsKey };
  throw usageError(
    `Cannot speak TLS: ${
      tlsCert === undefined ? "--tls-key is given without --tls-cert" : "--tls-cert is given without --tls-key"
    }`,
    "a certificate and its key are wanted, each in a file",
  );
}
