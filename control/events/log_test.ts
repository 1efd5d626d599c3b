import assert from "node:assert/strict";
import { appendFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { memoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import { EVENT_LOG_FILE, type EventLog, openEventLog } from "./log.ts";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "zss-log-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const append = (store: Store, id: string) =>
  store.transact((tx) => tx.append({ kind: "upsert", node_id: id, timestamp_ms: 5, payload: { node_id: id } }));

async function follow(folder: string, store: Store, rotateMaxBytes = 0, archiveKeep = 8): Promise<EventLog> {
  let now = 1_000;
  const log = await openEventLog({ folder, rotateMaxBytes, archiveKeep }, store, () => now++);
  store.onCommit((events) => log.append(events));
  return log;
}

async function lines(folder: string): Promise<{ revision: number; node_id: string; payload_json: string }[]> {
  const text = await readFile(join(folder, EVENT_LOG_FILE), "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

Deno.test("openEventLog() writes a line per event, the payload as text", () =>
  inFolder(async (folder) => {
    const store = memoryStore({ epoch: "e" });
    const log = await follow(folder, store);
    for (const id of ["a", "b"]) await append(store, id);
    await log.close();
    assert.deepEqual(await lines(folder), [
      { timestamp_ms: 5, node_id: "a", payload_json: '{"node_id":"a"}', revision: 1, kind: "upsert", epoch: "e" },
      { timestamp_ms: 5, node_id: "b", payload_json: '{"node_id":"b"}', revision: 2, kind: "upsert", epoch: "e" },
    ]);
  }));

Deno.test("openEventLog() writes what a crash kept from the log, once, and takes away half a line", () =>
  inFolder(async (folder) => {
    const store = memoryStore({ epoch: "e" });
    const log = await follow(folder, store);
    await append(store, "a");
    await log.close();
    await appendFile(join(folder, EVENT_LOG_FILE), '{"timestamp_ms":5,"node');
    const silent = memoryStore({ epoch: "e" });
    for (const id of ["a", "b", "c"]) await append(silent, id);
    await (await openEventLog({ folder, rotateMaxBytes: 0, archiveKeep: 8 }, silent)).close();
    await (await openEventLog({ folder, rotateMaxBytes: 0, archiveKeep: 8 }, silent)).close();
    assert.deepEqual((await lines(folder)).map(({ revision }) => revision), [1, 2, 3]);
  }));

Deno.test("openEventLog() puts a large log away, compresses it and keeps the newest archives", () =>
  inFolder(async (folder) => {
    const store = memoryStore({ epoch: "e" });
    const log = await follow(folder, store, 300, 2);
    for (let index = 0; index < 20; index++) {
      await append(store, `node-${index}`);
      await log.flushed();
    }
    await log.close();
    const archives = (await readdir(folder)).filter((name) => name.endsWith(".gz")).sort();
    assert.equal(archives.length, 2);
    assert.ok(archives.every((name) => /^node-service-events-\d+\.ndjson\.gz$/.test(name)), archives.join());
    const last = archives.at(-1) ?? "";
    const text = gunzipSync(await readFile(join(folder, last))).toString("utf8");
    const kept = [
      ...text.trim().split("\n").map((line) => JSON.parse(line).revision),
      ...(await lines(folder)).map((one) => one.revision),
    ];
    assert.equal(kept.at(-1), 20);
    assert.deepEqual(kept, kept.map((_, index) => (kept[0] ?? 0) + index));
  }));

Deno.test("openEventLog() writes nothing twice when the last event put the log away", () =>
  inFolder(async (folder) => {
    const store = memoryStore({ epoch: "e" });
    const log = await follow(folder, store, 1);
    for (const id of ["a", "b"]) {
      await append(store, id);
      await log.flushed();
    }
    await log.close();
    const before = (await readdir(folder)).sort();
    assert.ok(before.includes(EVENT_LOG_FILE), "who reads the log finds one at any time");
    await (await openEventLog({ folder, rotateMaxBytes: 1, archiveKeep: 8 }, store)).close();
    assert.deepEqual((await readdir(folder)).sort(), before);
  }));

Deno.test("openEventLog() finds its last event behind lines of any length, and takes away a long half one", () =>
  inFolder(async (folder) => {
    const store = memoryStore({ epoch: "e" });
    const log = await follow(folder, store);
    await append(store, "a");
    await store.transact((tx) =>
      tx.append({ kind: "upsert", node_id: "long", timestamp_ms: 5, payload: { text: '"'.repeat(600_000) } })
    );
    await log.close();
    for (const half of ["", `{"timestamp_ms":5,${" ".repeat(700_000)}`]) {
      await appendFile(join(folder, EVENT_LOG_FILE), half);
      await (await follow(folder, store)).close();
      assert.deepEqual((await lines(folder)).map(({ revision }) => revision), [1, 2]);
    }
  }));
