import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openSqliteStore, STORE_FILE } from "./sqlite.ts";
import type { Store } from "./store.ts";
import { storeContract } from "./store_contract.ts";

const folders: string[] = [];
addEventListener("unload", () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "zss-store-"));
  folders.push(folder);
  return folder;
}

const openIn = (folder: string, maxEvents = 10_000): Store =>
  openSqliteStore({ folder, newEpoch: () => "e1", history: { maxEvents } });

storeContract("openSqliteStore", () => openIn(newFolder()));

const append = (store: Store, id: string) =>
  store.transact((tx) => tx.append({ kind: "upsert", node_id: id, timestamp_ms: 1, payload: { id } }));

Deno.test("openSqliteStore() forgets nothing over a restart: records, counters, events, epoch", async () => {
  const folder = newFolder();
  const first = openIn(folder);
  await first.transact((tx) =>
    tx.put("token", "h", { token_id: "token-1", name: "a", role: "admin", created_at_ms: 3 })
  );
  await first.transact((tx) => tx.nextNumber("node"));
  await append(first, "a");
  await first.close();
  const second = openSqliteStore({ folder, newEpoch: () => "another" });
  assert.deepEqual([second.epoch, second.revision, second.get("token", "h")?.name], ["e1", 1, "a"]);
  assert.deepEqual(second.readSince(0, 9).map(({ payload }) => payload), [{ id: "a" }]);
  assert.equal(await second.transact((tx) => tx.nextNumber("node")), 2);
  assert.equal(await append(second, "b"), 2);
  await second.close();
});

Deno.test("openSqliteStore() holds the newest events only, and says from where", async () => {
  const folder = newFolder();
  const store = openIn(folder, 3);
  for (const id of ["a", "b", "c", "d", "e"]) await append(store, id);
  assert.deepEqual([store.oldestRevision, store.readSince(0, 9).map(({ revision }) => revision)], [3, [3, 4, 5]]);
  await store.close();
  const again = openIn(folder, 3);
  assert.deepEqual([again.oldestRevision, again.revision], [3, 5]);
  await again.close();
});

Deno.test("openSqliteStore() refuses a file of a newer version, one that is damaged, and one that is in use", async () => {
  const newer = newFolder();
  await openIn(newer).close();
  const database = new DatabaseSync(join(newer, STORE_FILE));
  database.exec("UPDATE meta SET value = '99' WHERE name = 'schema_version'");
  database.close();
  assert.throws(() => openIn(newer), { code: "storage_error", message: /schema version 99, this zss knows 2/ });

  const damaged = newFolder();
  writeFileSync(join(damaged, STORE_FILE), "this is no database, and it is long enough to be sure of that".repeat(100));
  assert.throws(() => openIn(damaged), { code: "storage_error", message: /Cannot open the store/ });

  const folder = newFolder();
  const store = openIn(folder);
  assert.throws(() => openIn(folder), { code: "storage_error", message: /another server uses it/ });
  await store.close();
});

Deno.test("openSqliteStore() rejects a change that cannot be written and goes on as before", async () => {
  const folder = newFolder();
  const store = openIn(folder);
  await append(store, "a");
  // A value that JSON cannot hold stands for a disk that cannot take it: the commit fails as a whole.
  const refused = store.transact((tx) =>
    tx.append({ kind: "upsert", node_id: "b", timestamp_ms: 1, payload: { big: 1n } })
  );
  await assert.rejects(refused, { code: "storage_error" });
  assert.equal(store.revision, 1);
  assert.equal(await append(store, "c"), 2);
  await store.close();
});

Deno.test("openSqliteStore() makes its folder for its owner only", async () => {
  const folder = join(newFolder(), "data");
  await openIn(folder).close();
  assert.equal(statSync(folder).mode & 0o077, 0);
});
