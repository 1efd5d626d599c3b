import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { ManualClock } from "../../drivers/process/mod.ts";
import { memoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import { LeaseKeeper, TUNNEL_GRACE_MS } from "./leases.ts";
import { addNode, refreshLease } from "./nodes.ts";

const GRACE_MS = 10_000;

async function scene(): Promise<
  { store: Store; clock: ManualClock; keeper: LeaseKeeper; join: (ttl: number) => Promise<void> }
> {
  const store = memoryStore({ epoch: "e" });
  const clock = new ManualClock();
  const keeper = new LeaseKeeper({ store, clock, graceMs: GRACE_MS });
  keeper.start();
  const join = async (lease_ttl_ms: number) => {
    const request = { node_name: undefined, fs_url: undefined, lease_ttl_ms };
    const { node } = await store.transact((tx) => addNode(tx, "node-1", request, randomBytes, clock.now()));
    keeper.extended(node);
  };
  return await Promise.resolve({ store, clock, keeper, join });
}

/** Lets the commits that a timer began come to their end. */
async function settle(store: Store): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await store.transact(() => {});
}

const kinds = (store: Store) => store.readSince(0, 99).map(({ kind }) => kind);

Deno.test("LeaseKeeper makes a node offline when its lease runs out, and deletes it after the grace period", async () => {
  const { store, clock, join } = await scene();
  await join(1_000);
  clock.advance(999);
  await settle(store);
  assert.deepEqual(kinds(store), ["join"]);
  clock.advance(1);
  await settle(store);
  assert.deepEqual([kinds(store), store.get("node", "node-1")?.online], [["join", "offline"], false]);
  clock.advance(GRACE_MS - 1);
  await settle(store);
  assert.ok(store.get("node", "node-1"));
  clock.advance(1);
  await settle(store);
  assert.deepEqual([kinds(store), store.get("node", "node-1")], [["join", "offline", "deleted"], undefined]);
});

Deno.test("LeaseKeeper goes by monotonic time: a wall clock that jumps takes nobody's lease", async () => {
  const { store, clock, join } = await scene();
  await join(1_000);
  clock.jumpWall(1_000_000);
  clock.advance(500);
  await settle(store);
  assert.equal(store.get("node", "node-1")?.online, true);
});

Deno.test("LeaseKeeper leaves a node alone whose refresh came into the same commit as its end", async () => {
  const { store, clock, keeper, join } = await scene();
  await join(1_000);
  const refreshed = store.transact((tx) => {
    const node = tx.get("node", "node-1");
    assert.ok(node);
    return refreshLease(tx, node, { fs_url: undefined, lease_ttl_ms: 1_000 }, randomBytes, clock.now());
  });
  clock.advance(1_000);
  keeper.extended((await refreshed).node);
  await settle(store);
  assert.deepEqual([kinds(store), store.get("node", "node-1")?.online], [["join"], true]);
});

Deno.test("LeaseKeeper gives every node a whole lease after a restart, and what is left of the grace period", async () => {
  const { store, clock, keeper, join } = await scene();
  await join(1_000);
  clock.advance(900);
  keeper.close();
  const second = new LeaseKeeper({ store, clock, graceMs: GRACE_MS });
  second.start();
  clock.advance(999);
  await settle(store);
  assert.equal(store.get("node", "node-1")?.online, true);
  clock.advance(1);
  await settle(store);
  assert.equal(store.get("node", "node-1")?.online, false);
  second.close();
  clock.advance(4_000);
  const third = new LeaseKeeper({ store, clock, graceMs: GRACE_MS });
  third.start();
  clock.advance(GRACE_MS - 4_000);
  await settle(store);
  assert.equal(store.get("node", "node-1"), undefined);
});

Deno.test("LeaseKeeper holds a lease that is longer than a timer of the runtime can be", async () => {
  const { store, clock, join } = await scene();
  await join(2_592_000_000);
  clock.advance(2_591_999_999);
  await settle(store);
  assert.equal(store.get("node", "node-1")?.online, true);
  clock.advance(1);
  await settle(store);
  assert.equal(store.get("node", "node-1")?.online, false);
});

Deno.test("LeaseKeeper makes a node offline half a minute after its tunnel is gone, unless it comes back or refreshes", async () => {
  const { store, clock, keeper, join } = await scene();
  await join(900_000);
  const node = store.get("node", "node-1");
  assert.ok(node);
  keeper.tunnelLost({ ...node, lease_generation: node.lease_generation - 1 });
  clock.advance(TUNNEL_GRACE_MS);
  await settle(store);
  assert.deepEqual(kinds(store), ["join"], "an earlier tunnel says nothing");
  keeper.tunnelLost(node);
  clock.advance(TUNNEL_GRACE_MS - 1);
  const { node: refreshed } = await store.transact((tx) =>
    refreshLease(tx, node, { fs_url: undefined, lease_ttl_ms: 900_000 }, randomBytes, clock.now())
  );
  keeper.extended(refreshed);
  clock.advance(TUNNEL_GRACE_MS);
  await settle(store);
  assert.deepEqual(kinds(store), ["join"], "whoever refreshes is there");
  keeper.tunnelLost(refreshed);
  clock.advance(TUNNEL_GRACE_MS);
  await settle(store);
  assert.deepEqual(kinds(store), ["join", "offline"]);
});
