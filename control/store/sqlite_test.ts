import assert from "node:assert/strict";
import fc from "fast-check";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { serviceDescriptor } from "../catalog/descriptor.ts";
import { removeNode } from "../pairing/node_events.ts";
import { addNode } from "../pairing/nodes.ts";
import { DURABILITY, openSqliteStore, STORE_FILE } from "./sqlite.ts";
import type { Store } from "./store.ts";
import { storeContract } from "./store_contract.ts";

const folders: string[] = [];
addEventListener("unload", () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

function newFolder(): string {
  const folder = mkdtempSync(joinPath(tmpdir(), "zss-store-"));
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
    tx.put("token", "h", {
      ...{ token_id: "token-1", name: "a", role: "admin", scopes: [], project_id: null, actions: null },
      ...{ created_at_ms: 3, expires_at_ms: null },
    })
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
  const database = new DatabaseSync(joinPath(newer, STORE_FILE));
  database.exec("UPDATE meta SET value = '99' WHERE name = 'schema_version'");
  database.close();
  assert.throws(() => openIn(newer), { code: "storage_error", message: /schema version 99, this zss knows 4/ });

  const damaged = newFolder();
  writeFileSync(
    joinPath(damaged, STORE_FILE),
    "this is no database, and it is long enough to be sure of that".repeat(100),
  );
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
  const folder = joinPath(newFolder(), "data");
  await openIn(folder).close();
  assert.equal(statSync(folder).mode & 0o077, 0);
  assert.equal(statSync(joinPath(folder, STORE_FILE)).mode & 0o077, 0);
});

const record = (revision: number, version: string) => ({
  platform: { os: "linux", arch: "x86_64", runtime_kind: "zss" },
  labels: {},
  services: [serviceDescriptor.parse({ service_id: "s", kind: "k", version, state: "online", endpoints: ["/e"] })],
  revision,
});

function publish(store: Store, nodeId: string, version: string): Promise<void> {
  return store.transact((tx) => {
    const { revision: _, ...payload } = record(0, version);
    const revision = tx.append({ kind: "upsert", node_id: nodeId, timestamp_ms: 1, payload });
    tx.put("catalog", nodeId, { ...payload, revision });
  });
}

async function join(store: Store, nodeId: string): Promise<void> {
  await store.transact((tx) => void addNode(tx, nodeId, { node_name: nodeId, fs_url: "", lease_ttl_ms: 1 }, random, 0));
}

const random = (count: number) => new Uint8Array(count);
const versionOf = (store: Store, nodeId: string) => store.get("catalog", nodeId)?.services[0]?.version;

Deno.test("openSqliteStore() finds catalogs again that stand in events, those whose events are trimmed, and no deleted ones", async () => {
  const folder = newFolder();
  const store = openIn(folder, 4);
  for (const nodeId of ["quiet", "busy", "gone"]) await join(store, nodeId);
  await publish(store, "quiet", "q1");
  await publish(store, "gone", "g1");
  await store.transact((tx) => removeNode(tx, tx.get("node", "gone") ?? assert.fail(), 1));
  for (let version = 1; version <= 9; version++) await publish(store, "busy", `b${version}`);
  const expected = { ...store.get("catalog", "quiet") };
  await store.close();
  const again = openIn(folder, 4);
  assert.deepEqual([versionOf(again, "quiet"), versionOf(again, "busy"), versionOf(again, "gone")], [
    "q1",
    "b9",
    undefined,
  ]);
  assert.deepEqual(again.get("catalog", "quiet"), expected);
  await publish(again, "quiet", "q2");
  await again.close();
  const third = openIn(folder, 4);
  assert.deepEqual([versionOf(third, "quiet"), versionOf(third, "busy")], ["q2", "b9"]);
  await third.close();
});

Deno.test("openSqliteStore() keeps a catalog that was written without an event, or changed after it", async () => {
  const folder = newFolder();
  const store = openIn(folder);
  await join(store, "node-1");
  await publish(store, "node-1", "1");
  await store.transact((tx) => tx.put("catalog", "node-1", record(2, "2")));
  await store.close();
  const again = openIn(folder);
  assert.equal(versionOf(again, "node-1"), "2");
  await again.close();
});

Deno.test("openSqliteStore() keeps the catalogs of a commit that is larger than the history", async () => {
  const folder = newFolder();
  const store = openIn(folder, 3);
  const nodes = ["a", "b", "c", "d", "e"];
  await Promise.all(nodes.map((nodeId) => join(store, nodeId)));
  await Promise.all(nodes.map((nodeId) => publish(store, nodeId, "1")));
  await store.close();
  const again = openIn(folder, 3);
  assert.deepEqual(nodes.map((nodeId) => versionOf(again, nodeId)), nodes.map(() => "1"));
  await again.close();
});

Deno.test("openSqliteStore() takes nothing back once a commit holds, whatever its listener does", async () => {
  const folder = newFolder();
  let fails = false;
  const onCommitted = () => {
    if (fails) throw new RangeError("a meter broke");
  };
  const store = openSqliteStore({ folder, newEpoch: () => "e1", onCommitted });
  await append(store, "a");
  fails = true;
  assert.equal(await append(store, "b"), 2);
  fails = false;
  assert.equal(await append(store, "c"), 3);
  await store.close();
  const again = openIn(folder);
  assert.deepEqual(again.readSince(0, 9).map(({ node_id }) => node_id), ["a", "b", "c"]);
  await again.close();
});

Deno.test("openSqliteStore() makes a commit wait for the disk", () => assert.match(DURABILITY, /synchronous = FULL/));

Deno.test("openSqliteStore() gives back what random publishers left, whatever is trimmed and whenever it restarts", async () => {
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.array(
        fc.record({ node: fc.constantFrom("a", "b", "c"), version: fc.stringMatching(/^[0-9]{1,3}$/) }),
        { minLength: 1, maxLength: 8 },
      ),
    },
    { weight: 1, arbitrary: fc.constant("restart" as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.integer({ min: 1, max: 6 }), async (steps, maxEvents) => {
      const folder = newFolder();
      let store = openIn(folder, maxEvents);
      for (const nodeId of ["a", "b", "c"]) await join(store, nodeId);
      const published = new Map<string, string>();
      for (const one of [...steps, "restart" as const]) {
        if (one === "restart") {
          await store.close();
          store = openIn(folder, maxEvents);
        } else {
          // Several share a commit.
          await Promise.all(one.map(({ node, version }) => publish(store, node, version)));
          for (const { node, version } of one) published.set(node, version);
        }
        for (const [nodeId, version] of published) assert.equal(versionOf(store, nodeId), version);
      }
      await store.close();
    }),
    { numRuns: 40 },
  );
});
