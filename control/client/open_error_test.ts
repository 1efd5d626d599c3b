import assert from "node:assert/strict";
import { openError, openTimeout } from "./open_error.ts";

const cases:
  readonly (readonly [url: string, message: string, code: string | undefined, wanted: string, says: RegExp])[] = [
    [
      "wss",
      "unable to verify the first certificate",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      "tls_failed",
      /not trusted.*--ca/,
    ],
    ["wss", "self-signed certificate", "DEPTH_ZERO_SELF_SIGNED_CERT", "tls_failed", /not trusted.*--ca/],
    ["wss", "invalid peer certificate: UnknownIssuer", undefined, "tls_failed", /not trusted.*--ca/],
    ["wss", "Hostname/IP does not match", "ERR_TLS_CERT_ALTNAME_INVALID", "tls_failed", /another name.*by a name/],
    ["wss", 'certificate not valid for name "a"', undefined, "tls_failed", /another name.*by a name/],
    ["wss", "certificate has expired", "CERT_HAS_EXPIRED", "tls_failed", /not valid at this time.*clock/],
    ["wss", "wrong version number", "ERR_SSL_WRONG_VERSION_NUMBER", "tls_failed", /does not speak TLS.*ws:/],
    [
      "wss",
      "disconnected before secure TLS connection was established",
      "ECONNRESET",
      "tls_failed",
      /handshake failed/,
    ],
    ["wss", "connect ECONNREFUSED", "ECONNREFUSED", "unreachable", /nothing answers.*zss server/],
    ["ws", "connect ECONNREFUSED", "ECONNREFUSED", "unreachable", /nothing answers.*zss server/],
    ["ws", "getaddrinfo ENOTFOUND", "ENOTFOUND", "unreachable", /ENOTFOUND.*zss server/],
    ["ws", "Parse Error: Expected HTTP/", "HPE_INVALID_CONSTANT", "unreachable", /no HTTP.*wss:/],
  ];

for (const [scheme, message, code, wanted, says] of cases) {
  Deno.test(`openError() makes ${wanted} of ${code ?? message} over ${scheme} and says what to do`, () => {
    const cause = Object.assign(new Error(message), code === undefined ? {} : { code });
    const error = openError(new URL(`${scheme}://zss.example:18790/`), cause);
    assert.equal(error.code, wanted);
    assert.match(`${error.message} ${error.hint}`, says);
    assert.equal(error.cause, cause);
  });
}

Deno.test("openTimeout() says how long was waited", () => {
  const error = openTimeout(new URL("ws://zss.example:18790/"), 10_000);
  assert.equal(error.code, "timeout");
  assert.match(`${error.message} ${error.hint}`, /within 10 s.*overloaded/);
});
