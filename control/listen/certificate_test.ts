import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HAS_OPENSSL, makeCertificate, textOf } from "../../tests/certificates.ts";
import { ZssError } from "../protocol/errors.ts";
import { type CertificateFiles, readCertificate } from "./certificate.ts";

async function refusal(files: CertificateFiles): Promise<string> {
  const error: unknown = await readCertificate(files).catch((error: unknown) => error);
  assert(error instanceof ZssError);
  assert.equal(error.code, "tls_certificate");
  assert(error.hint);
  return error.message;
}

Deno.test(
  { name: "readCertificate() reads a certificate and the key that belongs to it", ignore: !HAS_OPENSSL },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "zss-certificate-"));
    try {
      const files = await makeCertificate(folder, "a");
      assert.deepEqual(await readCertificate(files), { cert: await textOf(files.cert), key: await textOf(files.key) });
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

Deno.test({
  name: "readCertificate() says which file is missing, of the wrong kind, or of another pair",
  ignore: !HAS_OPENSSL,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "zss-certificate-"));
  try {
    const a = await makeCertificate(folder, "a");
    const b = await makeCertificate(folder, "b");
    const none = join(folder, "none.pem");
    const empty = join(folder, "empty.pem");
    await writeFile(empty, "");
    assert.match(await refusal({ cert: none, key: a.key }), /Cannot read the TLS certificate ".*none\.pem"/);
    assert.match(await refusal({ cert: a.cert, key: none }), /Cannot read the TLS key ".*none\.pem"/);
    for (const wrong of [empty, a.key]) {
      assert.match(await refusal({ cert: wrong, key: a.key }), /a certificate in PEM form is wanted/);
    }
    for (const wrong of [empty, a.cert]) {
      assert.match(await refusal({ cert: a.cert, key: wrong }), /a private key in PEM form.* is wanted/);
    }
    assert.match(
      await refusal({ cert: a.cert, key: b.key }),
      /"[^"]*a\.pem" with the key "[^"]*b\.key".*belong together/,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
