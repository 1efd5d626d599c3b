/**
 * How late an event reaches a watcher when there is no hurry: 100 events a
 * second to 1,000 watchers, from the moment in which it is sent to be published.
 *
 * The time is taken at every fiftieth watcher. The others read now and then, or
 * the reading of a hundred thousand messages a second would be measured instead.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Broker, startBrokers, until } from "./brokers.ts";
import type { Bench, Contender, Field } from "./harness.ts";
import type { CountingSocket } from "./raw_socket.ts";

const WATCHERS = 1000;
const EVERY = 50;
const EVENTS = 400;
const PACE_MS = 10;
const READ_EVERY_MS = 100;

let folder: string | undefined;
let brokers: Broker[] = [];

/** The 99th percentile of the latency. */
export const watchLatency: Bench = {
  name: "watch_latency",
  unit: "ms",
  rounds: 5,
  prepare,
  async cleanUp() {
    for (const broker of brokers) await broker.stop();
    brokers = [];
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    folder = undefined;
  },
};

async function prepare(): Promise<Field | string> {
  folder = mkdtempSync(join(tmpdir(), "zss-latency-"));
  const started = await startBrokers(folder);
  brokers = started.brokers;
  const peer = brokers[1] ?? brokers[0];
  if (peer === undefined) return "no server could be started";
  const notes = [...started.notes, `${WATCHERS} watchers, ${EVENTS} events a round, one each ${PACE_MS} ms; p99`];
  return { contenders: brokers.map(contender), peer: peer.name, notes };
}

function contender(broker: Broker): Contender {
  return {
    name: broker.name,
    async measure() {
      const sent: number[] = [];
      const publishing: Promise<void>[] = [];
      const late: number[] = [];
      const sockets: CountingSocket[] = [];
      for (let at = 0; at < WATCHERS; at++) {
        const isTimed = at % EVERY === 0;
        const socket = await broker.watch(isTimed ? {} : { readEveryMs: READ_EVERY_MS });
        sockets.push(socket);
        if (!isTimed) continue;
        let seen = broker.received(socket);
        const first = seen;
        socket.onRead = () => {
          const now = performance.now();
          for (const received = broker.received(socket); seen < received; seen++) {
            const at = sent[seen - first];
            if (at === undefined) throw new Error(`${broker.name} delivered a message that was not sent`);
            late.push(now - at);
          }
        };
      }
      const start = performance.now();
      for (let index = 0; index < EVENTS; index++) {
        const due = start + index * PACE_MS;
        const wait = due - performance.now();
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        // From when it should have been sent, and without waiting for the one before: a standstill counts for all.
        sent.push(due);
        publishing.push(broker.publish());
      }
      await Promise.all(publishing);
      const expected = EVENTS * Math.ceil(WATCHERS / EVERY);
      await until(() => late.length >= expected, `${broker.name} to deliver everything`);
      for (const socket of sockets) socket.close();
      return late.toSorted((one, other) => one - other)[Math.floor(late.length * 0.99)] ?? 0;
    },
  };
}
