/**
 * How many deliveries of a burst a second of the server's processor time is good
 * for: zss, which checks, stores and filters each event, beside servers that
 * only pass messages on.
 *
 * Every server gets the same: messages of about 1 KB, 64 of them under way.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Broker, MESSAGE_BYTES, startBrokers, until } from "./brokers.ts";
import type { Bench, Contender, Field } from "./harness.ts";
import { type CountingSocket, cpuSeconds, residentBytes } from "./raw_socket.ts";

const UNDER_WAY = 64;

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
  const started = await startBrokers(folder);
  brokers = started.brokers;
  const [zss] = brokers;
  const peer = brokers[1] ?? zss;
  if (zss === undefined || peer === undefined) return "no server could be started";
  const idle = residentBytes(zss.pid);
  const sockets = await watchAll(zss, watchers);
  const perWatcher = Math.round((residentBytes(zss.pid) - idle) / watchers / 1024);
  for (const socket of sockets) socket.close();
  const events = Math.max(100, Math.min(8000, Math.round(800_000 / watchers)));
  return {
    contenders: brokers.map((broker) => contender(broker, watchers, events)),
    peer: peer.name,
    notes: [
      ...started.notes,
      `idle memory of zss per watcher: ${perWatcher} KiB`,
      `${watchers} watchers, ${events} messages of ${MESSAGE_BYTES} bytes a round, ${UNDER_WAY} under way`,
    ],
  };
}

async function watchAll(broker: Broker, watchers: number): Promise<CountingSocket[]> {
  const sockets: CountingSocket[] = [];
  for (let at = 0; at < watchers; at += 100) {
    sockets.push(...await Promise.all(Array.from({ length: Math.min(100, watchers - at) }, () => broker.watch())));
  }
  return sockets;
}

function contender(broker: Broker, watchers: number, events: number): Contender {
  return {
    name: broker.name,
    async measure() {
      const sockets = await watchAll(broker, watchers);
      const before = sockets.map((socket) => broker.received(socket));
      const start = cpuSeconds(broker.pid);
      let next = 0;
      const publisher = async () => {
        while (next++ < events) await broker.publish();
      };
      await Promise.all(Array.from({ length: UNDER_WAY }, publisher));
      const isDone = () => sockets.every((socket, at) => broker.received(socket) - (before[at] ?? 0) >= events);
      await until(isDone, `${broker.name} to deliver everything`);
      const took = cpuSeconds(broker.pid) - start;
      for (const socket of sockets) socket.close();
      return watchers * events / took;
    },
  };
}
