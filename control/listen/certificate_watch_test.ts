import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import { HAS_OPENSSL, makeCertificate, replaceCertificate, type TestCertificate } from "../../tests/certificates.ts";
import { type Certificate, readCertificate } from "./certificate.ts";
import { type CertificateNews, CertificateWatch, type WatchFolders } from "./certificate_watch.ts";

/** A watch of two files, with time and the system's notices in the hands of the test. */
class Scene implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly applied: Certificate[] = [];
  readonly news: CertificateNews[] = [];
  readonly folder: string;
  readonly files: TestCertificate;
  #notice: () => void = () => {};
  #watch: CertificateWatch | undefined;
  watchedFolders: readonly string[] = [];

  private constructor(folder: string, files: TestCertificate) {
    this.folder = folder;
    this.files = files;
  }

  static async open(): Promise<Scene> {
    const folder = await mkdtemp(join(tmpdir(), "zss-certificate-"));
    const scene = new Scene(folder, await makeCertificate(folder, "used"));
    const current = await readCertificate(scene.files);
    const watchFolders: WatchFolders = (folders, onChange) => {
      scene.watchedFolders = folders;
      scene.#notice = onChange;
      return () => scene.#notice = () => {};
    };
    scene.#watch = new CertificateWatch({
      files: scene.files,
      current,
      clock: scene.clock,
      apply: (certificate) => Promise.resolve(void scene.applied.push(certificate)),
      report: (news) => scene.news.push(news),
      watchFolders,
    });
    return scene;
  }

  notice(): void {
    this.#notice();
  }

  /** Lets `ms` pass and waits for the looks that this begins. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.#watch?.idle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch?.close();
    assert.equal(this.clock.pendingTimers, 0);
    await rm(this.folder, { recursive: true });
  }
}

const options = (name: string) => ({ name, ignore: !HAS_OPENSSL });

Deno.test(options("CertificateWatch takes a new pair soon after the system tells of it, once"), async () => {
  await using scene = await Scene.open();
  assert.deepEqual(scene.watchedFolders, [scene.folder]);
  await replaceCertificate(scene.files, await makeCertificate(scene.folder, "fresh"));
  scene.notice();
  scene.notice();
  await scene.pass(249);
  assert.equal(scene.applied.length, 0);
  await scene.pass(1);
  assert.deepEqual(scene.applied, [await readCertificate(scene.files)]);
  scene.notice();
  await scene.pass(20_000);
  assert.equal(scene.applied.length, 1);
  assert.deepEqual(scene.news, [{ type: "replaced" }]);
});

Deno.test(options("CertificateWatch finds a new pair by itself where the system tells nothing"), async () => {
  await using scene = await Scene.open();
  await replaceCertificate(scene.files, await makeCertificate(scene.folder, "fresh"));
  await scene.pass(9_999);
  assert.equal(scene.applied.length, 0);
  await scene.pass(1);
  assert.equal(scene.applied.length, 1);
});

Deno.test(
  options("CertificateWatch keeps the pair in use when the new one is bad, says so once, and takes the next"),
  async () => {
    await using scene = await Scene.open();
    await writeFile(scene.files.cert, "half a file");
    for (let looks = 0; looks < 3; looks++) await scene.pass(10_000);
    assert.equal(scene.applied.length, 0);
    assert.deepEqual(scene.news.map(({ type }) => type), ["refused"]);
    await replaceCertificate(scene.files, await makeCertificate(scene.folder, "fresh"));
    await scene.pass(10_000);
    assert.deepEqual(scene.news.map(({ type }) => type), ["refused", "replaced"]);
  },
);
