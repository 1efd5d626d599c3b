/**
 * How many events a second of processor time brings to watchers: zss, which
 * checks, stores and filters each event, beside Bun's native publish, which only
 * passes messages on.
 *
 * Every server gets the same: messages of about 1 KB, eight of them under way.
 * What is counted is the processor time of the server alone.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ControlConnection } from "../control/client/mod.ts";
import { systemClock } from "../drivers/process/mod.ts";
import type { Bench, Contender, Field } from "./harness.ts";
import { CountingSocket, cpuSeconds, freePort, residentBytes } from "./raw_socket.ts";

const MAIN = fileURLToPath(new URL("../cli/main.ts", import.meta.url));
const TOKEN = "sw-admin_for-the-benches-of-zss";
const MESSAGE_BYTES = 1000;
const UNDER_WAY = 8;
const BUN = "bun@1.3.0";

/** A server that brings messages to watchers. */
interface Broker {
  readonly name: string;
  readonly pid: number;
  watch(): Promise<CountingSocket>;
  /** Sends one message; settles when the server has taken it. */
  publish(index: number): Promise<void>;
  /** How many messages a watcher has received. */
  received(socket: CountingSocket): number;
  stop(): Promise<void>;
}

let folder: string | undefined;
let brokers: Broker[] = [];

function fanout(watchers: number): Bench {
  return {
    name: `watch_fanout_${watchers}`,
    unit: "/s",
    rounds: 5,
    prepare: () => prepare(watchers),
    async cleanUp() {
      for (const broker of brokers) await broker.stop();
      brokers = [];
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
      folder = undefined;
    },
  };
}

/** Deliveries per second of processor time of the server, for three sizes of audience. */
export const watchFanouts: readonly Bench[] = [fanout(100), fanout(1000), fanout(4000)];

async function prepare(watchers: number): Promise<Field | string> {
  if (Deno.build.os !== "linux") return "processor time of another process is read on Linux only";
  folder = mkdtempSync(join(tmpdir(), "zss-fanout-"));
  const notes: string[] = [];
  const zss = await startZss(folder);
  brokers.push(zss);
  const bun = await startBun(folder);
  if (typeof bun === "string") notes.push(bun);
  else brokers.push(bun);
  const idle = residentBytes(zss.pid);
  const sockets = await Promise.all(Array.from({ length: watchers }, () => zss.watch()));
  notes.push(`idle memory of zss per watcher: ${Math.round((residentBytes(zss.pid) - idle) / watchers / 1024)} KiB`);
  for (const socket of sockets) socket.close();
  const events = Math.max(40, Math.min(2000, Math.round(400_000 / watchers)));
  return {
    contenders: brokers.map((broker) => contender(broker, watchers, events)),
    peer: typeof bun === "string" ? zss.name : bun.name,
    notes: [...notes, `${watchers} watchers, ${events} messages of ${MESSAGE_BYTES} bytes a round`],
  };
}

function contender(broker: Broker, watchers: number, events: number): Contender {
  return {
    name: broker.name,
    async measure() {
      const sockets: CountingSocket[] = [];
      for (let at = 0; at < watchers; at += 100) {
        sockets.push(...await Promise.all(Array.from({ length: Math.min(100, watchers - at) }, () => broker.watch())));
      }
      const before = sockets.map((socket) => broker.received(socket));
      const start = cpuSeconds(broker.pid);
      let next = 0;
      const publisher = async () => {
        while (next < events) await broker.publish(next++);
      };
      await Promise.all(Array.from({ length: UNDER_WAY }, publisher));
      const isDone = () => sockets.every((socket, at) => broker.received(socket) - (before[at] ?? 0) >= events);
      while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 5));
      const took = cpuSeconds(broker.pid) - start;
      for (const socket of sockets) socket.close();
      return watchers * events / took;
    },
  };
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
  const help = "x".repeat(MESSAGE_BYTES - 500);
  return {
    name: "zss",
    pid: child.pid,
    async watch() {
      const socket = await CountingSocket.open(port, "/", { Authorization: `Bearer ${TOKEN}` });
      await socket.send('{"channel":"control","type":"control.version","id":"v","payload":{"protocol":"unified-v2"}}');
      await socket.send(
        '{"channel":"control","type":"control.node_service_watch","id":"w","payload":{"replay_limit":0}}',
      );
      while (socket.frames < 2) await new Promise((resolve) => setTimeout(resolve, 1));
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
  fetch: (request, server) => server.upgrade(request) ? undefined : new Response("no"),
  websocket: {
    open: (ws) => ws.subscribe("events"),
    message: (ws) => { ws.unsubscribe("events"); server.publish("events", message); ws.send("ok"); },
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
    watch: () => CountingSocket.open(port),
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
