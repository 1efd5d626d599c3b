/**
 * The certificates that a client trusts besides those that everybody trusts.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { errorText, ZssError } from "../control/protocol/errors.ts";
import { usageError } from "./errors.ts";
import type { CliContext } from "./io.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * The PEM text that `--ca` or ZSS_CA names; `undefined` where neither does.
 *
 * @throws {ZssError} `io` for a file that cannot be read, `usage` for one that holds no certificate. A runtime would
 * take such a file without a word and then trust nobody.
 */
export async function trustedCa({ io, globals }: Pick<CliContext, "io" | "globals">): Promise<string | undefined> {
  const path = globals.ca ?? io.env["ZSS_CA"];
  if (path === undefined || path === "") return undefined;
  const source = globals.ca === undefined ? "ZSS_CA" : "--ca";
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new ZssError("io", `Cannot read the certificates "${path}": ${errorText(cause)}`, {
      hint: `check ${source}`,
      cause,
    });
  }
  const certificates = text.match(CERTIFICATE) ?? [];
  const { X509Certificate } = await import("node:crypto");
  try {
    for (const certificate of certificates) new X509Certificate(certificate);
    if (certificates.length > 0) return certificates.join("\n");
  } catch {
    // said below
  }
  throw usageError(
    `Cannot use the certificates "${path}": a file of certificates in PEM form is wanted`,
    `see ${source}`,
  );
}
