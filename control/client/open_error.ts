/**
 * Why a connection could not be opened, as an error for a person. Pure.
 *
 * @module
 */

import { ZssError } from "../protocol/errors.ts";

const NOT_TRUSTED = /^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)|UnknownIssuer/;
const WRONG_NAME = /ERR_TLS_CERT_ALTNAME_INVALID|not valid for name|NotValidForName/;
const OUT_OF_DATE = /^CERT_(HAS_EXPIRED|NOT_YET_VALID)|certificate (has )?expired|not valid yet|NotValidYet/i;
const NO_TLS = /WRONG_VERSION_NUMBER|corrupt message of type InvalidContentType/;
const OTHER_TLS = /^(ERR_SSL_|ERR_TLS_|CERT_|EPROTO)|invalid peer certificate|before secure TLS connection|fatal alert/;
/** What a runtime says when bytes that are no HTTP answer an upgrade. */
const NO_HTTP = /^HPE_|invalid HTTP version/;

/** The kinds of faults of a TLS connection, what to say of each and what to do about it; the first that fits counts. */
const TLS_FAULTS: readonly (readonly [pattern: RegExp, found: string, hint: string])[] = [
  [NOT_TRUSTED, "its certificate is not trusted", "name the certificate of who issued it with --ca FILE or ZSS_CA"],
  [WRONG_NAME, "its certificate is for another name", "connect by a name that the certificate holds"],
  [OUT_OF_DATE, "its certificate is not valid at this time", "have it renewed, and check the clock of this machine"],
  [NO_TLS, "it does not speak TLS", "an address with ws:// is for servers without TLS; or is it another program?"],
  [OTHER_TLS, "the TLS handshake failed", "check the certificate of the server and what stands between"],
];

/**
 * The error for a socket that did not open.
 */
export function openError(url: URL, cause: Error & { readonly code?: string }): ZssError {
  const action = `Cannot connect to ${url.href}`;
  const signs = [cause.code ?? "", cause.message];
  const fault = url.protocol === "wss:" && TLS_FAULTS.find(([pattern]) => signs.some((sign) => pattern.test(sign)));
  if (fault) {
    const [, found, hint] = fault;
    return new ZssError("tls_failed", `${action}: ${found} (${cause.message})`, { hint, cause });
  }
  if (signs.some((sign) => NO_HTTP.test(sign))) {
    return new ZssError("unreachable", `${action}: what answers there is no HTTP`, {
      hint: "a server with TLS is reached by wss://",
      cause,
    });
  }
  const isRefused = cause.code === "ECONNREFUSED" || cause.code === "ConnectionRefused";
  return new ZssError("unreachable", `${action}: ${isRefused ? "nothing answers there" : cause.message}`, {
    hint: "check the address, and that the server runs: zss server",
    cause,
  });
}

/** The error for a server that has not answered the upgrade within `limitMs` milliseconds. */
export function openTimeout(url: URL, limitMs: number): ZssError {
  return new ZssError("timeout", `Cannot connect to ${url.href}: no answer within ${limitMs / 1000} s`, {
    hint: "something listens there, but it is no zss server, or one that is overloaded",
  });
}
