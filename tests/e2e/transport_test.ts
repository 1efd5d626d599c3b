/**
 * TLS and the addresses that a server answers to, through the real program.
 *
 * @module
 */

import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { HAS_OPENSSL, makeCertificate, replaceCertificate, type TestCertificate, textOf } from "../certificates.ts";
import { type Finished, Program, zss } from "./program.ts";

const TOKEN = "sw-admin_for-the-tests-of-zss-only";

/** A folder with a certificate, a server that has it, and what was started beside it. */
class Scene implements AsyncDisposable {
  readonly folder: string;
  readonly files: TestCertificate;
  readonly programs: Program[] = [];
  url = "";

  private constructor(folder: string, files: TestCertificate) {
    this.folder = folder;
    this.files = files;
  }

  static async open(): Promise<Scene> {
    const folder = await mkdtemp(join(tmpdir(), "zss-transport-"));
    const scene = new Scene(folder, await makeCertificate(folder, "zss"));
    await scene.startServer(0);
    return scene;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  async startServer(port: number): Promise<Program> {
    const { cert, key } = this.files;
    const server = this.start(
      "server",
      ...["--port", String(port), "--data-dir", join(this.folder, "data"), "--tls-cert", cert, "--tls-key", key],
    );
    [, this.url = ""] = await server.printed(/listening on (wss:\/\/127\.0\.0\.1:[0-9]+)\n/);
    return server;
  }

  start(...args: string[]): Program {
    const program = new Program(args, { cwd: this.folder, env: { ZSS_ADMIN_TOKEN: TOKEN } });
    this.programs.push(program);
    return program;
  }

  client(args: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
    return zss(args, { cwd: this.folder, env: { ZSS_URL: this.url, ZSS_TOKEN: TOKEN, ...env } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.programs.toReversed()) await program.end("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Whether who trusts `ca` alone and wants `name` is content with the certificate that is served. */
async function isServed(port: number, ca: string, name = "localhost"): Promise<boolean> {
  const trusted = await textOf(ca);
  const socket = connectTls({ host: "127.0.0.1", port, ca: trusted, servername: name, ALPNProtocols: ["http/1.1"] });
  try {
    return await new Promise((resolve) => {
      socket.on("secureConnect", () => resolve(true));
      socket.on("error", () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
}

/** What is answered to `GET /livez` for a host. */
function plainAnswer(port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(`GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    });
    socket.on("data", (part) => answer += String(part));
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}

/** Asks again and again until it is so; the program has a clock of its own. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 25_000;
  while (!await isSo()) {
    if (Date.now() > end) throw new Error("It never became so");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const options = (name: string) => ({ name, ignore: !HAS_OPENSSL });

Deno.test(options("zss --ca and ZSS_CA reach a server with TLS, and a node comes back through it"), async () => {
  await using scene = await Scene.open();
  const { ca } = scene.files;
  const invite = await scene.client(["node", "invite", "-o", "name", "--ca", ca]);
  assert.equal(invite.code, 0, invite.stderr);
  const work = join(scene.folder, "work");
  await mkdir(work);
  const node = scene.start(
    ...["node", "run", "--control-url", scene.url, "--invite-token", invite.stdout.trim(), "--ca", ca],
    ...["--state-file", join(scene.folder, "state.json"), "--export", `work=${work}`],
    ...["--reconnect-backoff-ms", "50", "--reconnect-backoff-max-ms", "200"],
  );
  await node.printed(/zss node online/);
  const watch = scene.start("node", "watch", "--url", scene.url, "--ca", ca, "--json");
  const list = await scene.client(["node", "list", "--json"], { ZSS_CA: ca });
  assert.match(list.stdout, /"state": ?"online"/);
  const [server] = scene.programs;
  await server?.end("SIGTERM");
  await node.printed(/zss node offline/);
  node.stdout = "";
  await scene.startServer(scene.port);
  await node.printed(/zss node online/);
  await watch.end("SIGINT");
});

Deno.test(options("zss node list says what is wrong with a certificate and what to do"), async () => {
  await using scene = await Scene.open();
  const other = await makeCertificate(scene.folder, "other", { names: "DNS:elsewhere.example" });
  const untrusted = await scene.client(["node", "list"]);
  assert.equal(untrusted.code, 3);
  assert.match(untrusted.stderr, /its certificate is not trusted[^]*--ca FILE or ZSS_CA \[tls_failed\]/);
  const wrong = await scene.client(["node", "list", "--ca", other.ca]);
  assert.match(wrong.stderr, /not trusted[^]*\[tls_failed\]/);
  const missing = await scene.client(["node", "list", "--ca", "none.pem"]);
  assert.match(missing.stderr, /Cannot read the certificates "none\.pem"/);
  await replaceCertificate(scene.files, other);
  await until(() => isServed(scene.port, other.ca, "elsewhere.example"));
  const named = await scene.client(["node", "list", "--ca", other.ca]);
  assert.equal(named.code, 3);
  assert.match(named.stderr, /another name[^]*\[tls_failed\]/);
  const plain = await scene.client(["node", "list", "--url", scene.url.replace("wss", "ws")]);
  assert.equal(plain.code, 3);
});

Deno.test(
  options("zss server takes a new certificate without a restart, and keeps its own when the new one is bad"),
  async () => {
    await using scene = await Scene.open();
    const { port } = scene;
    const fresh = await makeCertificate(scene.folder, "fresh");
    const [server] = scene.programs;
    await copyFile(fresh.cert, scene.files.cert);
    await server?.printed(/certificate in use stays[^]*do not belong together/);
    assert.equal(await isServed(port, scene.files.ca), true);
    await replaceCertificate(scene.files, fresh);
    await until(() => isServed(port, fresh.ca));
    assert.equal(await isServed(port, scene.files.ca), false);
    const list = await scene.client(["node", "list", "--ca", fresh.ca]);
    assert.equal(list.code, 0, list.stderr);
  },
);

Deno.test(options("zss server refuses files that make no certificate, and half of a pair"), async () => {
  const folder = await mkdtemp(join(tmpdir(), "zss-transport-"));
  try {
    const { cert, key } = await makeCertificate(folder, "a");
    const { key: otherKey } = await makeCertificate(folder, "b");
    const server = (...args: string[]) => zss(["server", "--port", "0", "--data-dir", join(folder, "data"), ...args]);
    const half = await server("--tls-cert", cert);
    assert.deepEqual([half.code, /without --tls-key/.test(half.stderr)], [2, true]);
    const missing = await server("--tls-cert", join(folder, "none.pem"), "--tls-key", key);
    assert.deepEqual([missing.code, /Cannot read the TLS certificate/.test(missing.stderr)], [3, true]);
    const mixed = await server("--tls-cert", cert, "--tls-key", otherKey);
    assert.deepEqual([mixed.code, /do not belong together/.test(mixed.stderr)], [3, true]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

Deno.test("zss server --bind beyond this machine wants TLS or --insecure-bind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "zss-transport-"));
  const args = ["server", "--port", "0", "--data-dir", join(folder, "data"), "--bind", "0.0.0.0"];
  try {
    const refused = await zss(args);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /Cannot listen on "0\.0\.0\.0" without TLS[^]*hint: .*--insecure-bind/);
    const allowed = new Program([...args, "--insecure-bind"]);
    try {
      await allowed.printed(/listening on ws:\/\/0\.0\.0\.0:/);
    } finally {
      await allowed.end();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

Deno.test("zss server --allowed-host and ZSS_ALLOWED_HOSTS name the hosts that it answers to", async () => {
  const folder = await mkdtemp(join(tmpdir(), "zss-transport-"));
  const server = new Program(
    ["server", "--port", "0", "--data-dir", join(folder, "data"), "--allowed-host", "a.example"],
    { env: { ZSS_ALLOWED_HOSTS: "b.example" } },
  );
  try {
    const [, port] = await server.printed(/listening on ws:\/\/127\.0\.0\.1:([0-9]+)/);
    const statusFor = async (host: string) => {
      const answer = await plainAnswer(Number(port), host);
      return /^HTTP\/1\.1 ([0-9]+)/.exec(answer)?.[1];
    };
    for (const host of ["a.example", "b.example:80", "localhost", `127.0.0.1:${port}`]) {
      assert.equal(await statusFor(host), "200", host);
    }
    assert.match(
      await plainAnswer(Number(port), "c.example"),
      /^HTTP\/1\.1 421 [^]*\{"type":"error".*"host_not_allowed"/,
    );
  } finally {
    await server.end();
    await rm(folder, { recursive: true });
  }
});
