/**
 * The acceptance suite of the store port. Every store passes it.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { InviteRecord } from "./records.ts";
import type { NewEvent, Store } from "./store.ts";

/** Registers the suite; `open` makes an empty store each time. */
export function storeContract(name: string, open: () => Promise<Store> | Store): void {
  const test = (title: string, body: (store: Store) => Promise<void>) =>
    Deno.test(`${name} keeps the store contract: ${title}`, async () => {
      const store = await open();
      try {
        await body(store);
      } finally {
        await store.close();
      }
    });

  test("what a transaction wrote is there when it is acknowledged", async (store) => {
    const number = await store.transact((tx) => {
      tx.put("invite", "k", invite("invite-1"));
      assert.deepEqual(tx.get("invite", "k"), invite("invite-1"));
      return 7;
    });
    assert.equal(number, 7);
    assert.deepEqual(store.get("invite", "k"), invite("invite-1"));
  });

  test("a transaction that throws changes nothing, and those beside it are kept", async (store) => {
    await store.transact((tx) => tx.put("invite", "kept", invite("before")));
    const outcomes = await Promise.allSettled([
      store.transact((tx) => tx.put("invite", "a", invite("a"))),
      store.transact((tx) => {
        tx.put("invite", "kept", invite("changed"));
        tx.remove("invite", "a");
        tx.nextNumber("node");
        tx.append(event("node-1"));
        throw new RangeError("no");
      }),
      store.transact((tx) => tx.put("invite", "b", invite("b"))),
    ]);
    assert.deepEqual(outcomes.map((outcome) => outcome.status), ["fulfilled", "rejected", "fulfilled"]);
    assert.deepEqual(store.list("invite").map((record) => record.invite_id), ["before", "a", "b"]);
    assert.equal(store.revision, 0);
    assert.equal(await store.transact((tx) => tx.nextNumber("node")), 1);
  });

  test("transactions run in the order of the calls and see those before them", async (store) => {
    const numbers = await Promise.all(Array.from({ length: 300 }, () => store.transact((tx) => tx.nextNumber("node"))));
    assert.deepEqual(numbers, Array.from({ length: 300 }, (_, index) => index + 1));
  });

  test("a number is never given out twice, whatever is removed", async (store) => {
    await store.transact((tx) => tx.put("invite", `${tx.nextNumber("invite")}`, invite("x")));
    await store.transact((tx) => tx.remove("invite", "1"));
    assert.equal(store.get("invite", "1"), undefined);
    assert.equal(await store.transact((tx) => tx.nextNumber("invite")), 2);
  });

  test("removing what is not there does nothing", async (store) => {
    await store.transact((tx) => tx.remove("node", "node-9"));
    assert.deepEqual(store.list("node"), []);
  });

  test("revisions count the events from 1, and readSince() begins behind the one that is named", async (store) => {
    assert.deepEqual([store.revision, store.oldestRevision], [0, 1]);
    const revisions = await Promise.all(["a", "b", "c"].map((id) => store.transact((tx) => tx.append(event(id)))));
    assert.deepEqual(revisions, [1, 2, 3]);
    assert.deepEqual([store.revision, store.oldestRevision], [3, 1]);
    assert.deepEqual(store.readSince(1, 10).map(({ revision, node_id }) => [revision, node_id]), [[2, "b"], [3, "c"]]);
    assert.deepEqual(store.readSince(0, 1).map(({ node_id }) => node_id), ["a"]);
    assert.deepEqual(store.readSince(3, 10), []);
    assert.deepEqual(store.readSince(0, 1)[0], { revision: 1, ...event("a") });
  });

  test("listeners hear the events of a commit in order, before it is acknowledged", async (store) => {
    const heard: string[] = [];
    const stop = store.onCommit((events) => heard.push(events.map(({ revision }) => revision).join()));
    await Promise.all([
      store.transact((tx) => tx.append(event("a"))).then(() => heard.push("ack a")),
      store.transact((tx) => tx.append(event("b"))).then(() => heard.push("ack b")),
    ]);
    assert.deepEqual(heard, ["1,2", "ack a", "ack b"]);
    stop();
    await store.transact((tx) => tx.append(event("c")));
    assert.equal(heard.length, 3);
  });

  test("close() commits what waits and refuses what comes after", async (store) => {
    const last = store.transact((tx) => tx.nextNumber("node"));
    await store.close();
    assert.equal(await last, 1);
    await assert.rejects(store.transact((tx) => tx.nextNumber("node")), { code: "storage_error" });
  });
}

function invite(id: string): InviteRecord {
  return { invite_id: id, created_at_ms: 1, expires_at_ms: 2, redeemed_by: null, node_name: null, labels: {} };
}

function event(node_id: string): NewEvent {
  return { kind: "upsert", node_id, timestamp_ms: 5, payload: { node_id } };
}
