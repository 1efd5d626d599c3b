/**
 * The certificate of a server and its key, read and found to belong together.
 *
 * The check is our own: what the runtime is given wrong it takes without a word,
 * and then refuses every client.
 *
 * @module
 */

import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { errorText, ZssError } from "../protocol/errors.ts";

/** Where a certificate and its key are kept, both in PEM form. */
export interface CertificateFiles {
  /** The certificate of the server first, then those of its issuers. */
  readonly cert: string;
  /** Its private key, without a passphrase. */
  readonly key: string;
}

/** A certificate and its key, in PEM form. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads a certificate and its key.
 *
 * @throws {ZssError} `tls_certificate` when a file cannot be read, is not what it should be, or they do not match.
 */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const cert = await readPem("certificate", files.cert, "--tls-cert");
  const key = await readPem("key", files.key, "--tls-key");
  const certified = parsed("certificate", files.cert, () => new X509Certificate(cert).publicKey);
  const own = parsed("key", files.key, () => createPublicKey(createPrivateKey(key)));
  if (!publicBytes(certified).equals(publicBytes(own))) {
    throw new ZssError(
      "tls_certificate",
      `Cannot use the TLS certificate "${files.cert}" with the key "${files.key}": they do not belong together`,
      { hint: "the certificate of the server must come first in its file, those of its issuers after it" },
    );
  }
  return { cert, key };
}

function publicBytes(key: KeyObject) {
  return key.export({ type: "spki", format: "der" });
}

async function readPem(what: string, path: string, flag: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new ZssError("tls_certificate", `Cannot read the TLS ${what} "${path}": ${errorText(cause)}`, {
      hint: `check ${flag}, and who may read the file`,
      cause,
    });
  }
}

function parsed(what: string, path: string, parse: () => KeyObject): KeyObject {
  try {
    return parse();
  } catch (cause) {
    const wanted = what === "key" ? "a private key in PEM form, without a passphrase" : "a certificate in PEM form";
    throw new ZssError("tls_certificate", `Cannot use the TLS ${what} "${path}": ${wanted} is wanted`, {
      hint: what === "key" ? "openssl pkey -in FILE shows what it holds" : "openssl x509 -in FILE -text shows it",
      cause,
    });
  }
}
