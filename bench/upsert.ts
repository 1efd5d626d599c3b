/**
 * What it costs to publish a catalog: durably, with many writers, and with one
 * service of a hundred changed.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  canonicalText,
  catalogText,
  type ServiceDescriptor,
  serviceDescriptor,
  serviceDigest,
  type UpsertRequest,
  upsertRequest,
} from "../control/catalog/mod.ts";
import { ControlConnection } from "../control/client/mod.ts";
import { addNode, nextNodeId } from "../control/pairing/nodes.ts";
import { textFrame } from "../control/events/frame.ts";
import { publishCatalog } from "../control/pairing/publish.ts";
import { okFrame, parsePayload } from "../control/protocol/envelope.ts";
import { JsonText, parseJson } from "../control/protocol/json.ts";
import { memoryStore } from "../control/store/memory.ts";
import { openSqliteStore } from "../control/store/sqlite.ts";
import { systemClock } from "../drivers/process/mod.ts";
import type { Bench, Contender } from "./harness.ts";
import { CountingSocket, freePort } from "./raw_socket.ts";

const MAIN = fileURLToPath(new URL("../cli/main.ts", import.meta.url));
const TOKEN = "sw-admin_for-the-benches-of-zss";
const WRITERS = 64;
const RECORD_BYTES = 1000;
/** What takes less than a millisecond is done so many times. */
const REPEATS = 500;

const cleanUps: (() => Promise<void> | void)[] = [];

async function cleanUp(): Promise<void> {
  for (const one of cleanUps.splice(0).reverse()) await one();
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "zss-upsert-"));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Changes a second that are safe on the disk when they are acknowledged, beside one fdatasync for each. */
export const durableUpserts: Bench = {
  name: "durable_upserts",
  unit: "/s",
  rounds: 5,
  cleanUp,
  async prepare() {
    const folder = newFolder();
    const store = openSqliteStore({ folder, newEpoch: () => "bench" });
    cleanUps.push(() => store.close());
    const file = openSync(join(folder, "peer"), "a");
    cleanUps.push(() => closeSync(file));
    const record = Buffer.alloc(RECORD_BYTES, "x");
    const payload = { help_md: "x".repeat(RECORD_BYTES) };
    const peer = "fdatasync per upsert";
    return {
      peer,
      contenders: [
        perSecond(peer, 300, 1, () => {
          writeSync(file, record);
          fdatasyncSync(file);
          return Promise.resolve();
        }),
        perSecond(`store port, ${WRITERS} writers`, 20_000, WRITERS, (index) =>
          store.transact((tx) => {
            const node_id = `node-${index % 100}`;
            tx.append({ kind: "upsert", node_id, timestamp_ms: index, payload });
          })),
        await throughSocket(folder),
      ],
    };
  },
};

async function throughSocket(folder: string): Promise<Contender> {
  const port = freePort();
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", MAIN, "server", "--port", String(port), "--data-dir", join(folder, "server")],
    env: { ZSS_ADMIN_TOKEN: TOKEN },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  cleanUps.push(async () => {
    server.kill("SIGKILL");
    await server.status;
  });
  const open = () => ControlConnection.open({ url: `ws://127.0.0.1:${port}`, token: TOKEN, clock: systemClock });
  let admin: ControlConnection | undefined;
  for (let attempt = 0; attempt < 200 && admin === undefined; attempt++) {
    admin = await open().catch(() => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 25)));
  }
  if (admin === undefined) throw new Error("Cannot measure: the server did not start");
  // Raw sockets: the runtime's own WebSocket client leaves Nagle's algorithm on, which costs 40 ms a call when each
  // connection has one under way, and would be measured instead of the server.
  const writers = await Promise.all(Array.from({ length: WRITERS }, async () => {
    const socket = await CountingSocket.open(port, "/", { Authorization: `Bearer ${TOKEN}` });
    cleanUps.push(() => socket.close());
    await socket.call('{"channel":"control","type":"control.version","id":"v","payload":{"protocol":"unified-v2"}}');
    const { invite_token } = await admin.call("node_invite_create", {});
    const { node_id, node_secret } = await admin.call("node_join", { invite_token });
    return { socket, node_id, node_secret };
  }));
  cleanUps.push(() => admin.close());
  const help_md = "x".repeat(RECORD_BYTES - 200);
  let version = 0;
  const revision = async () => Number((await admin.call("node_service_events", { limit: 1 }))["revision"]);
  const count = 20_000;
  const contender = perSecond(`through the socket, ${WRITERS} writers`, count, WRITERS, async (_index, writer) => {
    const { socket, node_id, node_secret } = writers[writer] ?? never();
    const endpoints = [`/nodes/${node_id}/camera`];
    const service = {
      service_id: "camera",
      kind: "camera",
      version: `${++version}`,
      state: "online",
      endpoints,
      help_md,
    };
    const payload = { node_id, node_secret, services: [service] };
    await socket.call(JSON.stringify({ channel: "control", type: "control.node_service_upsert", id: "u", payload }));
  });
  return {
    name: contender.name,
    async measure() {
      const before = await revision();
      const value = await contender.measure();
      // A refusal is an answer too, so what was answered is not what was stored.
      if (await revision() !== before + count) throw new Error("Cannot measure: not every upsert made an event");
      return value;
    },
  };
}

function never(): never {
  throw new RangeError("There is no such writer");
}

function perSecond(
  name: string,
  count: number,
  writers: number,
  write: (index: number, writer: number) => Promise<unknown>,
): Contender {
  return {
    name,
    async measure() {
      const start = performance.now();
      let next = 0;
      await Promise.all(Array.from({ length: writers }, async (_, writer) => {
        while (next < count) await write(next++, writer);
      }));
      return count / ((performance.now() - start) / 1000);
    },
  };
}

function services(count: number): ServiceDescriptor[] {
  return Array.from({ length: count }, (_, index) =>
    serviceDescriptor.parse({
      service_id: `s-${index}`,
      kind: "camera",
      state: "online",
      endpoints: [`/nodes/node-1/s-${index}`],
      capabilities: { zoom: [1, 2, 4], invoke: true },
      help_md: "x".repeat(700),
    }));
}

/** The digests of a catalog of a hundred services of which one has changed. */
export const catalogDigest: Bench = {
  name: "catalog_digest",
  unit: "ms",
  rounds: 9,
  cleanUp,
  prepare() {
    const catalog = services(100);
    for (const service of catalog) serviceDigest(service);
    const peer = `canonicalise and hash all, ${REPEATS} times`;
    return Promise.resolve({
      peer,
      contenders: [
        canonicaliseAll(peer, catalog),
        timed(`digests with one changed, ${REPEATS} times`, () => {
          for (let round = 0; round < REPEATS; round++) {
            catalog[round % catalog.length] = { ...services(1)[0] ?? never(), version: `${round}` };
            for (const service of catalog) serviceDigest(service);
          }
          return Promise.resolve();
        }),
      ],
    });
  },
};

/** Publishing a catalog of a hundred services of which one has changed, to the bytes of the answer; the store is in memory. */
export const catalogUpsert: Bench = {
  name: "catalog_upsert",
  unit: "ms",
  rounds: 9,
  cleanUp,
  async prepare() {
    const store = memoryStore({ epoch: "bench", history: { maxEvents: 100 } });
    cleanUps.push(() => store.close());
    const join = { node_name: undefined, fs_url: undefined, lease_ttl_ms: 900_000 };
    const { node, node_secret } = await store.transact((tx) => addNode(tx, nextNodeId(tx), join, randomBytes, 0));
    const published = services(100);
    const peer = `canonicalise and hash all, ${REPEATS} times`;
    let version = 0;
    const nextText = () => {
      const index = ++version % published.length;
      published[index] = { ...published[index] ?? never(), version: `${version}` };
      return JSON.stringify({ node_id: node.node_id, node_secret, services: published });
    };
    const upsert = async (request: UpsertRequest) => {
      const { payload } = await store.transact((tx) => publishCatalog(tx, request, 0));
      // To the bytes that go out: a text that nobody reads is not put together.
      textFrame(okFrame("control.node_service_upsert", "u", new JsonText(catalogText(payload))));
    };
    const read = (text: string) => parsePayload(upsertRequest, parseJson(text), "node_service_upsert");
    return {
      peer,
      contenders: [
        canonicaliseAll(peer, services(100)),
        repeatedUpserts("upserts with one changed, as many", () => read(nextText()), upsert),
        repeatedUpserts("the same with the reading of their text", nextText, (text) => upsert(read(text))),
      ],
    };
  },
};

/** @param prepare Done before each upsert, outside of the time. */
function repeatedUpserts<T>(name: string, prepare: () => T, upsert: (one: T) => Promise<void>): Contender {
  return {
    name,
    async measure() {
      let took = 0;
      for (let done = 0; done < REPEATS; done++) {
        const request = prepare();
        const start = performance.now();
        await upsert(request);
        took += performance.now() - start;
      }
      return took;
    },
  };
}

function canonicaliseAll(name: string, catalog: readonly ServiceDescriptor[]): Contender {
  return timed(name, () => {
    for (let round = 0; round < REPEATS; round++) {
      for (const service of catalog) createHash("sha256").update(canonicalText(service)).digest("hex");
    }
    return Promise.resolve();
  });
}

/** What one more upsert costs a store on disk that holds few nodes, and one that holds many. */
export const nodesFlat: Bench = {
  name: "upsert_by_nodes",
  unit: "ms",
  rounds: 7,
  cleanUp,
  async prepare() {
    const few = await publishersIn(100);
    const many = await publishersIn(10_000);
    const peer = "10,000 upserts of 100 nodes";
    return { peer, contenders: [timed(peer, few), timed("10,000 upserts of 10,000 nodes", many)] };
  },
};

/** Nodes in a store of their own that publish, 50 at a time, as the function that is returned is called. */
async function publishersIn(nodes: number): Promise<() => Promise<void>> {
  const store = openSqliteStore({ folder: newFolder(), newEpoch: () => "bench" });
  cleanUps.push(() => store.close());
  const join = { node_name: undefined, fs_url: undefined, lease_ttl_ms: 900_000 };
  const publishers = await Promise.all(
    Array.from({ length: nodes }, () => store.transact((tx) => addNode(tx, nextNodeId(tx), join, randomBytes, 0))),
  );
  const [service] = services(1);
  let version = 0;
  return async () => {
    for (let index = 0; index < 10_000; index += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, at) => {
        // Far apart, so that no part of what is held is nearer than another.
        const { node, node_secret } = publishers[((index + at) * 7919) % nodes] ?? never();
        const published = [{ ...service, version: `${++version}` }];
        const request = upsertRequest.parse({ node_id: node.node_id, node_secret, services: published });
        return store.transact((tx) => publishCatalog(tx, request, 0));
      }));
    }
  };
}

function timed(name: string, work: () => Promise<void>): Contender {
  return {
    name,
    async measure() {
      const start = performance.now();
      await work();
      return performance.now() - start;
    },
  };
}
