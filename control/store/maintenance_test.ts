import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { backupStore, compactStore, restoreStore, verifyStore } from "./maintenance.ts";
import { openSqliteStore, STORE_FILE } from "./sqlite.ts";
import type { Store } from "./store.ts";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "zss-maintenance-"));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const openIn = (folder: string): Store => openSqliteStore({ folder, newEpoch: () => "e1" });
const append = (store: Store, id: string) =>
  store.transact((tx) => tx.append({ kind: "upsert", node_id: id, timestamp_ms: 1, payload: { id } }));

async function filled(folder: string, ...ids: string[]): Promise<void> {
  const store = openIn(folder);
  for (const id of ids) await append(store, id);
  await store.transact((tx) => tx.nextNumber("node"));
  await store.close();
}

Deno.test("verifyStore() counts what a sound store holds, and names what is wrong with another", () =>
  inFolder(async (folder) => {
    await filled(folder, "a", "b", "c");
    const { problems, revision, events, epoch } = verifyStore(folder);
    assert.deepEqual({ problems, revision, events, epoch }, { problems: [], revision: 3, events: 3, epoch: "e1" });
    const database = new DatabaseSync(join(folder, STORE_FILE));
    database.exec("DELETE FROM events WHERE revision = 2; UPDATE records SET value = '{' WHERE kind = 'counter'");
    database.close();
    assert.deepEqual(verifyStore(folder).problems, [
      'record counter "node" is not readable',
      "events 2 to 2 are missing",
    ]);
    assert.throws(() => backupStore(folder, join(folder, "b.db")), {
      code: "storage_error",
      message: /Cannot back up/,
    });
    writeFileSync(join(folder, STORE_FILE), "no database at all, only text that is long enough to be looked at");
    assert.throws(() => verifyStore(folder), { code: "storage_error" });
  }));

Deno.test("restoreStore() puts a backup back under a new epoch, and keeps what was there", () =>
  inFolder(async (folder) => {
    const data = join(folder, "data");
    const backup = join(folder, "backups", "one.db");
    await filled(data, "a", "b");
    mkdirSync(join(folder, "backups"));
    assert.throws(() => backupStore(folder, join(folder, "elsewhere", "one.db")), { message: /is not there/ });
    assert.equal(backupStore(data, backup).revision, 2);
    assert.throws(() => backupStore(data, backup), { message: /it is there already/ });
    await filled(data, "c");
    assert.equal(restoreStore(data, backup, "e2", 7).epoch, "e2");
    const store = openIn(data);
    assert.deepEqual([store.epoch, store.revision, await append(store, "d")], ["e2", 2, 3]);
    assert.throws(() => restoreStore(data, backup, "e3", 8), { message: /a server uses it/ });
    await store.close();
    assert.ok(readdirSync(data).includes(`${STORE_FILE}.before-7`));
  }));

Deno.test("compactStore() gives back the space of what was removed", () =>
  inFolder(async (folder) => {
    const store = openIn(folder);
    const long = "x".repeat(500_000);
    await store.transact((tx) => tx.append({ kind: "upsert", node_id: "n", timestamp_ms: 1, payload: { long } }));
    await store.close();
    const database = new DatabaseSync(join(folder, STORE_FILE));
    database.exec("UPDATE events SET payload = '{}'");
    database.close();
    const { before, after } = compactStore(folder);
    assert.ok(after < before / 2, `${before} to ${after}`);
    assert.deepEqual(verifyStore(folder).problems, []);
  }));
