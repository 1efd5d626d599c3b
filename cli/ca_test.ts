import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ZssError } from "../control/protocol/mod.ts";
import { ManualClock } from "../drivers/process/mod.ts";
import { HAS_OPENSSL, makeCertificate, textOf } from "../tests/certificates.ts";
import { trustedCa } from "./ca.ts";
import { liftGlobals } from "./globals.ts";
import type { CliIo } from "./io.ts";

/** The part of a command's outside that names certificates. */
function outside(argv: readonly string[], env: Record<string, string>) {
  const stream = { write: () => {}, isTerminal: false };
  const io: CliIo = {
    stdout: stream,
    stderr: stream,
    env,
    interrupted: new AbortController().signal,
    clock: new ManualClock(),
    readStdin: () => Promise.resolve(new Uint8Array()),
  };
  return { io, globals: liftGlobals(argv).globals };
}

Deno.test({ name: "trustedCa() reads what --ca names, else what ZSS_CA names", ignore: !HAS_OPENSSL }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "zss-ca-"));
  try {
    const a = await makeCertificate(folder, "a");
    const b = await makeCertificate(folder, "b");
    const [textA, textB] = [(await textOf(a.ca)).trim(), (await textOf(b.ca)).trim()];
    const both = join(folder, "both.pem");
    await writeFile(both, `# of us\n${textA}\n\n${textB}\n`);
    assert.equal(await trustedCa(outside([], {})), undefined);
    assert.equal(await trustedCa(outside(["--ca", a.ca], { ZSS_CA: b.ca })), textA);
    assert.equal(await trustedCa(outside([], { ZSS_CA: both })), `${textA}\n${textB}`);
  } finally {
    await rm(folder, { recursive: true });
  }
});

Deno.test("trustedCa() refuses a file that is not there or holds no certificate", async () => {
  const folder = await mkdtemp(join(tmpdir(), "zss-ca-"));
  const refusedWith = (code: string) => (error: unknown) => error instanceof ZssError && error.code === code;
  try {
    await assert.rejects(trustedCa(outside(["--ca", join(folder, "none.pem")], {})), refusedWith("io"));
    const broken = join(folder, "broken.pem");
    for (const text of ["", "hello", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"]) {
      await writeFile(broken, text);
      await assert.rejects(trustedCa(outside(["--ca", broken], {})), refusedWith("usage"));
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
