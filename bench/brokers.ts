/**
 * Servers that bring messages to watchers: zss, which checks, stores and filters
 * each event, and two that only pass messages on.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ControlConnection } from "../control/client/mod.ts";
import { systemClock } from "../drivers/process/mod.ts";
import { CountingSocket, type CountingSocketOptions, freePort } from "./raw_socket.ts";

const MAIN = fileURLToPath(new URL("../cli/main.ts", import.meta.url));
const TOKEN = "sw-admin_for-the-benches-of-zss";
const BUN = "bun@1.3.0";

/** Bytes of a message. */
export const MESSAGE_BYTES = 1000;
/** What an event of zss holds besides its help text, in bytes. */
const EVENT_BYTES = 774;

/** A server that brings messages to watchers. */
export interface Broker {
  readonly name: string;
  readonly pid: number;
  watch(options?: CountingSocketOptions): Promise<CountingSocket>;
  /** Sends one message; settles when the server has taken it. */
  publish(): Promise<void>;
  /** How many messages a watcher has received. */
  received(socket: CountingSocket): number;
  stop(): Promise<void>;
}

/** Looks every 5 ms whether something has come about. @throws {Error} After a minute. */
export async function until(isDone: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!isDone()) {
    if (performance.now() > deadline) throw new Error(`Cannot measure: waited a minute for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Starts every broker that can be had here; the notes say which are missing and why. */
export async function startBrokers(into: string): Promise<{ readonly brokers: Broker[]; readonly notes: string[] }> {
  const brokers: Broker[] = [];
  const notes: string[] = [];
  for (const start of [startZss, startBun, startNats]) {
    const broker = await start(into);
    if (typeof broker === "string") notes.push(broker);
    else brokers.push(broker);
  }
  return { brokers, notes };
}

function startProcess(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Deno.ChildProcess {
  return new Deno.Command(file, { args: [...args], env: { ...env }, stdin: "null", stdout: "null", stderr: "null" })
    .spawn();
}

async function stopProcess(child: Deno.ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await child.status;
}

async function untilOpen(port: number): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  throw new Error(`Nobody listens on port ${port}`);
}

async function startZss(into: string): Promise<Broker> {
  const port = freePort();
  const child = startProcess(Deno.execPath(), [
    ...["run", "-A", "--no-check", MAIN, "server", "--port", String(port), "--data-dir", join(into, "data")],
  ], { ZSS_ADMIN_TOKEN: TOKEN });
  await untilOpen(port);
  const control = await ControlConnection.open({ url: `ws://127.0.0.1:${port}`, token: TOKEN, clock: systemClock });
  const { invite_token } = await control.call("node_invite_create", {});
  const { node_id, node_secret } = await control.call("node_join", { invite_token });
  let version = 0;
  const help = "x".repeat(MESSAGE_BYTES - EVENT_BYTES);
  return {
    name: "zss",
    pid: child.pid,
    async watch(options) {
      const socket = await CountingSocket.open(port, "/", { Authorization: `Bearer ${TOKEN}` }, options);
      await socket.call('{"channel":"control","type":"control.version","id":"v","payload":{"protocol":"unified-v2"}}');
      await socket.call(
        '{"channel":"control","type":"control.node_service_watch","id":"w","payload":{"replay_limit":0}}',
      );
      return socket;
    },
    async publish() {
      const endpoints = [`/nodes/${node_id}/camera`];
      const services = [{
        service_id: "camera",
        kind: "camera",
        version: `${++version}`,
        state: "online",
        endpoints,
        help_md: help,
      }];
      const reply = await control.call("node_service_upsert", { node_id, node_secret, services });
      if (reply["event"] === undefined) throw new Error("An upsert made no event");
    },
    received: (socket) => socket.frames,
    async stop() {
      control.close();
      await stopProcess(child);
    },
  };
}

async function startBun(into: string): Promise<Broker | string> {
  writeFileSync(join(into, "package.json"), '{"private":true}');
  const install = spawnSync("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--silent", BUN], { cwd: into });
  const bun = join(into, "node_modules", ".bin", "bun");
  if (install.status !== 0 || spawnSync(bun, ["--version"]).status !== 0) return "no Bun: it cannot be installed here";
  const port = freePort();
  const script = join(into, "publish.js");
  writeFileSync(
    script,
    `const message = "x".repeat(${MESSAGE_BYTES});
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: ${port},
  fetch: (request, server) => server.upgrade(request, { data: request.url.endsWith("/watch") }) ? undefined : new Response("no"),
  websocket: {
    open: (ws) => ws.data && ws.subscribe("events"),
    message: (ws) => { server.publish("events", message); ws.send("ok"); },
  },
});
`,
  );
  const child = startProcess(bun, [script]);
  await untilOpen(port);
  const publisher = new WebSocket(`ws://127.0.0.1:${port}`);
  await new Promise((resolve) => publisher.onopen = resolve);
  const waiting: (() => void)[] = [];
  publisher.onmessage = ({ data }) => {
    if (data === "ok") waiting.shift()?.();
  };
  return {
    name: "Bun publish",
    pid: child.pid,
    watch: (options) => CountingSocket.open(port, "/watch", {}, options),
    publish: () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve);
        publisher.send("next");
      }),
    received: (socket) => socket.frames,
    stop: async () => {
      publisher.close();
      await stopProcess(child);
    },
  };
}

async function startNats(into: string): Promise<Broker | string> {
  if (spawnSync("nats-server", ["--version"]).status !== 0) return "no NATS: nats-server is not installed";
  const [port, webPort] = [freePort(), freePort()];
  const config = join(into, "nats.conf");
  writeFileSync(
    config,
    `host: "127.0.0.1"\nport: ${port}\nmax_pending: 256MB\n` +
      `websocket { host: "127.0.0.1", port: ${webPort}, no_tls: true, compression: false }\n`,
  );
  const child = startProcess("nats-server", ["-c", config]);
  await untilOpen(port);
  await untilOpen(webPort);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const message = Buffer.from(`PUB events ${MESSAGE_BYTES}\r\n${"x".repeat(MESSAGE_BYTES)}\r\nPING\r\n`);
  const waiting: (() => void)[] = [];
  await connection.write(Buffer.from('CONNECT {"verbose":false}\r\n'));
  void (async () => {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const read = await connection.read(buffer).catch(() => null);
      if (read === null) return;
      for (const _ of Buffer.from(buffer.subarray(0, read)).toString("latin1").matchAll(/PONG/g)) waiting.shift()?.();
    }
  })();
  // Several messages may share a frame, so their bytes are counted: head, text and the ends of both lines.
  const deliveredBytes = `MSG events 1 ${MESSAGE_BYTES}\r\n`.length + MESSAGE_BYTES + 2;
  const before = new WeakMap<CountingSocket, number>();
  return {
    name: "NATS WebSocket",
    pid: child.pid,
    async watch(options) {
      const socket = await CountingSocket.open(webPort, "/", {}, options);
      await socket.send('CONNECT {"verbose":false}\r\nSUB events 1\r\n');
      await socket.call("PING\r\n");
      while (socket.frames < 2) await new Promise((resolve) => setTimeout(resolve, 1));
      before.set(socket, socket.bytes);
      return socket;
    },
    async publish() {
      const taken = new Promise<void>((resolve) => waiting.push(resolve));
      await connection.write(message);
      await taken;
    },
    received: (socket) => Math.floor((socket.bytes - (before.get(socket) ?? 0)) / deliveredBytes),
    async stop() {
      connection.close();
      await stopProcess(child);
    },
  };
}
