import assert from "node:assert/strict";
import { request } from "node:http";
import { connect } from "node:net";
// @ts-types="@types/ws"
import { WebSocket } from "ws";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import { memoryStore } from "../store/memory.ts";
import { type ServerConfig, watchConfigFrom } from "./config.ts";
import { type RunningServer, startServer, systemRandom } from "./serve.ts";

/** A server with nothing but its audit log on disk, and time in the hands of the test. */
class Scene implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly #server: RunningServer;
  readonly #folder: string;

  private constructor(clock: ManualClock, server: RunningServer, folder: string) {
    this.clock = clock;
    this.#server = server;
    this.#folder = folder;
  }

  static async open(config: Partial<ServerConfig> = {}): Promise<Scene> {
    const clock = new ManualClock();
    const folder = await Deno.makeTempDir();
    const server = await startServer({
      bind: "127.0.0.1",
      port: 0,
      dataDir: folder,
      adminToken: "admin",
      maxAnonymousSockets: 256,
      pingIntervalMs: 20_000,
      offlineGraceMs: 86_400_000,
      watch: watchConfigFrom({}),
      ...config,
    }, { clock, random: systemRandom, store: memoryStore({ epoch: "e" }) });
    return new Scene(clock, server, folder);
  }

  get port(): number {
    return Number(new URL(this.#server.url).port);
  }

  async socket(path = "/"): Promise<{ ws: WebSocket; closed: Promise<string> }> {
    const ws = new WebSocket(`${this.#server.url}${path}`);
    const closed = new Promise<string>((resolve) => ws.on("close", (code, reason) => resolve(`${code} ${reason}`)));
    await new Promise<void>((resolve, reject) => {
      ws.once("open", () => resolve());
      ws.once("error", reject);
    });
    return { ws, closed };
  }

  /** Sends a request and returns its status, its code or text, and when to try again. */
  get(path: string, headers: Record<string, string>): Promise<(number | string | undefined)[]> {
    return new Promise((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port: this.port, path, headers, agent: false }, (response) => {
        let body = "";
        response.on("data", (part) => body += String(part));
        response.on("end", () => resolve(summary(response.statusCode, body, response.headers["retry-after"])));
      });
      sent.on("error", reject);
      sent.end();
    });
  }

  /** Asks for an upgrade and returns the same; 101 when it is granted. */
  upgrade(headers: Record<string, string>, path = "/"): Promise<(number | string | undefined)[]> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, "127.0.0.1", () => {
        const lines = Object.entries({
          Host: `127.0.0.1:${this.port}`,
          Upgrade: "websocket",
          Connection: "Upgrade",
          "Sec-WebSocket-Version": "13",
          "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
          ...headers,
        }).map(([name, value]) => `${name}: ${value}\r\n`);
        socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
      });
      let answer = "";
      socket.on("data", (part) => {
        answer += String(part);
        if (answer.startsWith("HTTP/1.1 101")) socket.destroy();
      });
      socket.on("error", reject);
      socket.on("close", () => {
        const [head = "", body = ""] = answer.split("\r\n\r\n");
        resolve(summary(Number(head.split(" ")[1]), body, /^retry-after: (.*)$/im.exec(head)?.[1]));
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function summary(status: number | undefined, body: string, retryAfter: string | undefined) {
  const code: unknown = body.startsWith("{") ? JSON.parse(body).code : undefined;
  return [status, ...(typeof code === "string" ? [code] : []), ...(retryAfter === undefined ? [] : [retryAfter])];
}

const wrong = { Authorization: "Bearer wrong" };
const right = { Authorization: "Bearer admin" };

Deno.test("startServer() closes a connection that has not said its first word within the time", async () => {
  await using scene = await Scene.open({ handshakeTimeoutMs: 3_000 });
  const silent = await scene.socket();
  const chatty = await scene.socket();
  const tunnel = await scene.socket("/v2/node");
  const answered = new Promise((resolve) => chatty.ws.once("message", resolve));
  chatty.ws.send("no JSON");
  await answered;
  scene.clock.advance(3_000);
  assert.equal(await silent.closed, "1008 no control.version within 3 s");
  assert.equal(await chatty.closed, "1008 no control.version within 3 s");
  assert.equal(await tunnel.closed, "1008 no acheron.t_fs_hello within 3 s");
});

Deno.test("startServer() leaves a connection alone that has said its first word", async () => {
  await using scene = await Scene.open();
  const { ws, closed } = await scene.socket();
  const said: Promise<string>[] = [];
  const next = () => new Promise<string>((resolve) => ws.once("message", (data) => resolve(String(data))));
  said.push(next());
  ws.send('{"channel":"control","type":"control.version","payload":{"protocol":"unified-v2"}}');
  assert.match(String(await said[0]), /version_ack/);
  scene.clock.advance(6_000);
  const pong = next();
  ws.send('{"channel":"control","type":"control.ping"}');
  assert.match(await pong, /control\.pong/);
  ws.close();
  await closed;
});

Deno.test("startServer() answers 421 to requests and upgrades for a name that is not its own", async () => {
  await using scene = await Scene.open({ allowedHosts: ["zss.example"] });
  const refused = [421, "host_not_allowed"];
  for (const Host of ["evil.example", `evil.example:${scene.port}`, "10.9.8.7"]) {
    assert.deepEqual(await scene.get("/livez", { Host }), refused);
    assert.deepEqual(await scene.upgrade({ Host }), refused);
  }
  for (const Host of ["localhost", `127.0.0.1:${scene.port}`, "ZSS.example:443", "[::1]"]) {
    assert.deepEqual(await scene.get("/livez", { Host }), [200]);
    assert.deepEqual(await scene.upgrade({ Host }), [101]);
  }
});

Deno.test("startServer() answers 403 to pages of another origin, unless it is allowed", async () => {
  await using scene = await Scene.open({ allowedOrigins: ["https://dash.example"] });
  for (const Origin of ["https://evil.example", "http://dash.example", "https://dash.example.evil.example", "null"]) {
    assert.deepEqual(await scene.get("/livez", { Origin }), [403, "forbidden"]);
    assert.deepEqual(await scene.upgrade({ Origin }), [403, "forbidden"]);
  }
  for (const Origin of ["https://dash.example", `http://127.0.0.1:${scene.port}`]) {
    assert.deepEqual(await scene.get("/livez", { Origin, Host: `127.0.0.1:${scene.port}` }), [200]);
    assert.deepEqual(await scene.upgrade({ Origin }), [101]);
  }
});

Deno.test("startServer() lets an address wait that brings wrong tokens, longer each time, until one is right", async () => {
  await using scene = await Scene.open();
  for (let i = 0; i < 3; i++) assert.deepEqual(await scene.upgrade(wrong), [401, "provider_auth_failed"]);
  for (let i = 0; i < 2; i++) assert.deepEqual(await scene.get("/livez", wrong), [401, "provider_auth_failed"]);
  for (const wait of [1, 2, 4]) {
    const refused = [429, "too_many_attempts", String(wait)];
    assert.deepEqual(await scene.upgrade(wrong), refused);
    assert.deepEqual(await scene.upgrade(right, "/v2/node"), refused);
    assert.deepEqual(await scene.get("/metrics", right), refused);
    assert.deepEqual(await scene.upgrade({}), [101]);
    scene.clock.advance(wait * 1000);
    assert.deepEqual(await scene.upgrade(wrong), [401, "provider_auth_failed"]);
  }
  scene.clock.advance(8_000);
  assert.deepEqual(await scene.upgrade(right), [101]);
  for (let i = 0; i < 4; i++) assert.deepEqual(await scene.upgrade(wrong), [401, "provider_auth_failed"]);
  assert.deepEqual(await scene.upgrade(right), [101]);
});
