/**
 * Certificates for tests, made where they are needed.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Whether this machine has the program that makes them. Tests that need it are left out otherwise. */
export const HAS_OPENSSL = openssl(["version"]);

/** A certificate, its key and who issued it, as files in PEM form. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** What is asked of a certificate. */
export interface CertificateRequest {
  /** Its names, as openssl writes them. @default {"DNS:localhost,IP:127.0.0.1"} */
  readonly names?: string;
  /** How long it is valid; negative for one that has expired. @default {30} */
  readonly days?: number;
}

/** Makes an authority `<name>-ca` in a folder and a certificate of it. */
export async function makeCertificate(
  folder: string,
  name: string,
  request: CertificateRequest = {},
): Promise<TestCertificate> {
  const { names = "DNS:localhost,IP:127.0.0.1", days = 30 } = request;
  const file = (ending: string) => join(folder, `${name}${ending}`);
  const [ca, caKey, cert, key] = [file("-ca.pem"), file("-ca.key"), file(".pem"), file(".key")];
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await writeFile(file(".ext"), `basicConstraints=CA:FALSE\nsubjectAltName=${names}\n`);
  run(["req", "-x509", ...newKey, "-keyout", caKey, "-out", ca, "-days", "30", "-subj", `/CN=${name} authority`]);
  run(["req", ...newKey, "-keyout", key, "-out", file(".csr"), "-subj", "/CN=zss"]);
  run([
    ...["x509", "-req", "-in", file(".csr"), "-CA", ca, "-CAkey", caKey, "-CAcreateserial", "-out", cert],
    ...["-days", String(days), "-extfile", file(".ext")],
  ]);
  return { cert, key, ca };
}

/** Puts a certificate and its key where another one is. */
export async function replaceCertificate(place: TestCertificate, fresh: TestCertificate): Promise<void> {
  await copyFile(fresh.cert, place.cert);
  await copyFile(fresh.key, place.key);
}

/** The text of a file. */
export function textOf(path: string): Promise<string> {
  return readFile(path, "utf8");
}

function run(args: readonly string[]): void {
  execFileSync("openssl", [...args], { stdio: ["ignore", "ignore", "pipe"] });
}

function openssl(args: readonly string[]): boolean {
  try {
    run(args);
    return true;
  } catch {
    return false;
  }
}
