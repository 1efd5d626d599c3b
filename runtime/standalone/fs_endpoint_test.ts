import assert from "node:assert/strict";
import { Errno, FsError } from "../../control/protocol/mod.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FsClient, FsClient as Client, openSocket, type TextSocket } from "../../control/client/mod.ts";
import { HAS_OPENSSL, makeCertificate, textOf } from "../../tests/certificates.ts";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import { FileServer } from "../namespace/file_server.ts";
import { createServiceFiles } from "../namespace/service_files.ts";
import type { FirstDocuments, ServiceFiles } from "../namespace/service_port.ts";
import { checkEndpoint, type EndpointOptions, FsEndpoint } from "./fs_endpoint.ts";

const documents: FirstDocuments = {
  "README.md": "# echo\n",
  "SCHEMA.json": "{}",
  "TEMPLATE.json": "{}",
  "HOST.json": "{}",
  "result.json": "{}",
  "last_error.txt": "",
  "status.json": "{}",
  "metrics.json": "{}",
  "health.json": "{}",
};

/** An endpoint with one tree behind it. */
class Scene implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly endpoint: FsEndpoint;
  readonly files: ServiceFiles;
  readonly #clients: { close(): void }[] = [];

  private constructor(clock: ManualClock, endpoint: FsEndpoint, files: ServiceFiles) {
    this.clock = clock;
    this.endpoint = endpoint;
    this.files = files;
  }

  static async open(options: Partial<EndpointOptions> = {}): Promise<Scene> {
    const clock = new ManualClock();
    const server = new FileServer({ name: "lab", os: "linux", version: "0.1.0" });
    const identity = { name: "svc-echo", description: "echo", source_id: "service:echo" };
    const files = createServiceFiles(identity, documents, {
      invoke: () => Promise.resolve({}),
      operate: () => {},
      configure: () => {},
      refusalFor: () => undefined,
      abandon: () => new FsError(Errno.EINVAL, "service invoke payload invalid"),
    });
    server.setTrees([files.tree]);
    const endpoint = await FsEndpoint.open({ bind: "127.0.0.1", port: 0, authToken: undefined, ...options }, {
      clock,
      nodeName: "lab",
      connect: (send, wishes) => server.connect(send, wishes),
    });
    return new Scene(clock, endpoint, files);
  }

  url(path: string): string {
    return this.endpoint.url.replace("/v2/fs", path);
  }

  async socket(path = "/v2/fs", token?: string): Promise<TextSocket> {
    const socket = await openSocket({ url: this.url(path), token });
    this.#clients.push(socket);
    return socket;
  }

  async client(path: string, token: string | undefined, authToken?: string): Promise<FsClient> {
    const settings = { clock: this.clock, ...(authToken === undefined ? {} : { authToken }) };
    const client = await Client.over(await this.socket(path, token), settings);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.endpoint.close();
  }
}

function nextFrame(socket: TextSocket): Promise<string> {
  return new Promise((resolve) => socket.onText(resolve));
}

function ended(socket: TextSocket): Promise<string> {
  return new Promise((resolve) => socket.onClose(resolve));
}

Deno.test("FsEndpoint lets anybody of this machine in when there is no token, on every way in", async () => {
  await using scene = await Scene.open();
  for (const path of ["/v2/fs", "/", "/v2/fs/node/lab"]) {
    const client = await scene.client(path, undefined);
    assert.deepEqual((await client.exports()).map(({ name }) => name), ["svc-echo"]);
  }
  assert.deepEqual(scene.endpoint.numbers, { connected: 3, refused_total: 0, slow_total: 0 });
});

Deno.test("FsEndpoint takes the token in the hello or in the Authorization header", async () => {
  await using scene = await Scene.open({ authToken: "the token of the lab" });
  await scene.client("/v2/fs", undefined, "the token of the lab");
  await assert.rejects(scene.client("/v2/fs", undefined), { errno: 13, message: /^AuthMissing/ });
  await assert.rejects(scene.client("/v2/fs", undefined, "another token"), { errno: 13, message: /^AuthFailed/ });
  await using other = await Scene.open({ authToken: "s3cret-of-the-lab" });
  await other.client("/v2/fs/node/lab", "s3cret-of-the-lab");
  await assert.rejects(other.client("/v2/fs/node/lab", "s3cret-of-the-lib"), { errno: 13 });
});

Deno.test("FsEndpoint makes an address wait that brings wrong tokens, also with the right one", async () => {
  await using scene = await Scene.open({ authToken: "right" });
  for (let i = 0; i < 5; i++) await assert.rejects(scene.client("/v2/fs", undefined, `wrong ${i}`), { errno: 13 });
  await assert.rejects(scene.client("/v2/fs", undefined, "right"), { message: /too many wrong tokens/ });
  scene.clock.advance(60_000);
  await scene.client("/v2/fs", undefined, "right");
});

Deno.test("FsEndpoint says that a path or a node is none", async () => {
  await using scene = await Scene.open();
  for (const [path, message] of [["/v2/node", "invalid FS endpoint path"], ["/v2/fs/node/other", "NodeNotFound"]]) {
    const socket = await scene.socket(path);
    assert.match(await nextFrame(socket), new RegExp(String(message)));
    assert.match(await ended(socket), /1008/);
  }
});

Deno.test("FsEndpoint refuses pages of other origins and foreign names before the upgrade", async () => {
  await using scene = await Scene.open();
  const { port } = new URL(scene.endpoint.url);
  const statusOf = (headers: string) =>
    new Promise<string>((resolve) => {
      const socket = connect(Number(port), "127.0.0.1", () => {
        socket.write(
          `GET /v2/fs HTTP/1.1\r\n${headers}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        );
      });
      socket.once("data", (data) => {
        resolve(String(data).slice(9, 12));
        socket.destroy();
      });
    });
  assert.equal(await statusOf(`Host: 127.0.0.1:${port}\r\n`), "101");
  assert.equal(await statusOf(`Host: 127.0.0.1:${port}\r\nOrigin: http://evil.example\r\n`), "403");
  assert.equal(await statusOf("Host: evil.example\r\n"), "421");
});

Deno.test("FsEndpoint ends a connection with a frame over 4 MiB or a binary one, and serves the others", async () => {
  await using scene = await Scene.open();
  const other = await scene.client("/v2/fs", undefined);
  const large = await scene.socket();
  large.send(" ".repeat(4 * 1024 * 1024 + 1));
  assert.match(await ended(large), /1009/);
  const binary = new WebSocket(scene.endpoint.url);
  let answers = 0;
  binary.addEventListener("message", () => answers++);
  const gone = new Promise<CloseEvent>((resolve) => binary.addEventListener("close", resolve));
  binary.addEventListener("open", () => {
    for (let i = 0; i < 100; i++) binary.send(new Uint8Array([1, 2, 3]));
  });
  const answer = await new Promise<string>((resolve) =>
    binary.addEventListener("message", ({ data }) => resolve(String(data)))
  );
  assert.match(answer, /"errno":22,"message":"unsupported websocket opcode"/);
  assert.equal((await gone).code, 1003);
  assert.equal(answers, 1);
  assert.equal((await other.exports()).length, 1);
});

Deno.test("FsEndpoint answers the pings of a client, but not those whose answers it does not take", async () => {
  await using scene = await Scene.open();
  const socket = connect(Number(new URL(scene.endpoint.url).port), "127.0.0.1");
  const next = () => new Promise<Uint8Array>((resolve) => socket.once("data", resolve));
  socket.write(
    `GET /v2/fs HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await next();
  // Masked with zeros, 125 bytes each.
  const ping = (content: string) =>
    Uint8Array.from([0x89, 0xfd, 0, 0, 0, 0, ...new TextEncoder().encode(content.padEnd(125))]);
  let came = 0;
  const last = new Promise<void>((resolve) => {
    socket.on("data", (data: Uint8Array) => {
      came += data.length;
      if (new TextDecoder().decode(data).includes("the last")) resolve();
    });
  });
  const many = 20_000;
  const flood = new Uint8Array(131 * many);
  for (let i = 0; i < many; i++) flood.set(ping("one"), 131 * i);
  socket.write(flood);
  socket.write(ping("the last"));
  await last;
  socket.destroy();
  assert.ok(came < 127 * many / 2, `${came} bytes of answers`);
});

Deno.test("FsEndpoint tells every client of a change before it answers who made it", async () => {
  await using scene = await Scene.open();
  const [one, other] = [await scene.client("/v2/fs", undefined), await scene.client("/", undefined)];
  const heard: string[] = [];
  one.onNews(() => heard.push("one"));
  other.onNews(() => heard.push("other"));
  scene.files.update([{ file: "result.json", content: '{"n":1}' }]);
  await Promise.all([one.exports(), other.exports()]);
  assert.deepEqual(heard.sort(), ["one", "other"]);
});

Deno.test("FsEndpoint cuts off a client that takes nothing, and goes on telling the others", async () => {
  await using scene = await Scene.open();
  const stuck = await scene.socket();
  stuck.onText(() => {});
  stuck.send(
    JSON.stringify({
      channel: "acheron",
      type: "acheron.t_fs_hello",
      tag: 1,
      payload: { protocol: "unified-v2-fs", proto: 2 },
    }),
  );
  const quick = await scene.client("/v2/fs", undefined);
  let heard = 0;
  quick.onNews(() => heard++);
  await quick.exports();
  stuck.pause();
  for (let round = 0; scene.endpoint.numbers.slow_total === 0; round++) {
    assert.ok(round < 400, "the stuck client was never cut off");
    for (let i = 0; i < 500; i++) scene.files.update([{ file: "result.json", content: `{"n":${round}}` }]);
    await quick.exports();
  }
  assert.ok(heard > 1000);
  scene.clock.advance(500);
  await quick.exports();
  assert.equal(scene.endpoint.numbers.connected, 1);
});

Deno.test("FsEndpoint ends a connection that says no hello", async () => {
  await using scene = await Scene.open();
  const silent = await scene.socket();
  const gone = ended(silent);
  scene.clock.advance(5_000);
  assert.match(await gone, /no hello within 5 s/);
});

Deno.test("FsEndpoint speaks TLS with a certificate", { ignore: !HAS_OPENSSL }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "zss-endpoint-"));
  const { cert, key, ca } = await makeCertificate(folder, "lab");
  await using scene = await Scene.open({ tls: { cert, key } });
  assert.match(scene.endpoint.url, /^wss:/);
  const socket = await openSocket({ url: scene.endpoint.url, ca: await textOf(ca) });
  const client = await Client.over(socket, { clock: scene.clock });
  assert.equal((await client.exports()).length, 1);
  client.close();
  await rm(folder, { recursive: true });
});

Deno.test("FsEndpoint.close() says goodbye", async () => {
  const scene = await Scene.open();
  const socket = await scene.socket();
  const gone = ended(socket);
  await scene.endpoint.close();
  assert.match(await gone, /the node ends, code 1001/);
});

Deno.test("checkEndpoint() wants TLS and a token beyond this machine, unless told otherwise", () => {
  const tls = { cert: "zss.pem", key: "zss.key" };
  const endpoint = { bind: "0.0.0.0", port: 1, authToken: "t" };
  checkEndpoint({ ...endpoint, tls });
  checkEndpoint({ ...endpoint, authToken: undefined, insecureBind: true });
  checkEndpoint({ bind: "127.0.0.1", port: 1, authToken: undefined });
  assert.throws(() => checkEndpoint(endpoint), { code: "insecure_bind", message: /without TLS/ });
  assert.throws(() => checkEndpoint({ ...endpoint, tls, authToken: undefined }), {
    code: "insecure_bind",
    message: /without a token/,
  });
});
