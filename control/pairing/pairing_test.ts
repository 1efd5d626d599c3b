import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { memoryStore } from "../store/memory.ts";
import type { Transaction } from "../store/store.ts";
import { approveJoin, CLAIM_AGAIN_MS, claimJoin, makeJoinRequest } from "./join_requests.ts";
import { createInvite, keepJoinKey, redeemInvite, unansweredJoin } from "./invites.ts";
import {
  addNode,
  authenticateNode,
  checkGeneration,
  newGeneration,
  newNodeSecret,
  nextNodeId,
  refreshLease,
} from "./nodes.ts";
import { publishCatalog } from "./publish.ts";

const join = { node_name: "edge", fs_url: "", lease_ttl_ms: 1_000 };

Deno.test("redeemInvite() lets exactly one of 50 racers in", async () => {
  const store = memoryStore({ epoch: "e" });
  const { invite_token } = await store.transact((tx) => createInvite(tx, randomBytes, 0, { ttlMs: 1_000 }));
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () =>
    store.transact((tx) => {
      const id = nextNodeId(tx);
      redeemInvite(tx, invite_token, id, undefined, 10);
      return addNode(tx, id, join, randomBytes, 10);
    })));
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
  const codes = outcomes.flatMap((outcome) => outcome.status === "rejected" ? [outcome.reason.code] : []);
  assert.deepEqual(new Set(codes), new Set(["invite_redeemed"]));
  assert.deepEqual(store.list("node").map(({ node_id }) => node_id), ["node-1"]);
});

Deno.test("redeemInvite() tells an unknown invite from an expired one", async () => {
  const store = memoryStore({ epoch: "e" });
  const { invite_token } = await store.transact((tx) => createInvite(tx, randomBytes, 0, { ttlMs: 1_000 }));
  await assert.rejects(store.transact((tx) => redeemInvite(tx, "inv-0", "node-1", undefined, 0)), {
    code: "invite_not_found",
  });
  await assert.rejects(store.transact((tx) => redeemInvite(tx, invite_token, "node-1", undefined, 1_000)), {
    code: "invite_expired",
  });
  await store.transact((tx) => redeemInvite(tx, invite_token, "node-1", undefined, 999));
});

Deno.test("createInvite() and addNode() keep no secret in clear", async () => {
  const store = memoryStore({ epoch: "e" });
  const { invite_token } = await store.transact((tx) => createInvite(tx, randomBytes, 0, { ttlMs: 1_000 }));
  const joined = await store.transact((tx) => addNode(tx, nextNodeId(tx), join, randomBytes, 0));
  const kept = JSON.stringify([store.list("invite"), store.list("node")]);
  assert.match(invite_token, /^inv-[0-9a-f]{32}$/);
  for (const secret of [invite_token, joined.node_secret, joined.lease_token]) assert.ok(!kept.includes(secret));
});

Deno.test("authenticateNode() answers a wrong secret and an unknown node alike", async () => {
  const store = memoryStore({ epoch: "e" });
  const { node_secret } = await store.transact((tx) => addNode(tx, nextNodeId(tx), join, randomBytes, 0));
  assert.equal(authenticateNode(store, "node-1", node_secret).node_name, "edge");
  const refusal = (id: string) => {
    try {
      authenticateNode(store, id, "secret-wrong");
    } catch (error) {
      return JSON.stringify([Object(error).code, Object(error).message, Object(error).hint]).replace(id, "node");
    }
    return "accepted";
  };
  assert.equal(refusal("node-1"), refusal("node-7"));
});

Deno.test("newGeneration() supersedes the copy of the node before it", async () => {
  const store = memoryStore({ epoch: "e" });
  const { node, node_secret } = await store.transact((tx) => addNode(tx, nextNodeId(tx), join, randomBytes, 0));
  const next = await store.transact((tx) => newGeneration(tx, "node-1", node_secret, 5));
  assert.deepEqual([node.lease_generation, next.lease_generation, next.lease_expires_at_ms], [1, 2, 1_005]);
  assert.throws(() => checkGeneration(next, 1), { code: "lease_superseded", data: {} });
  checkGeneration(next, 2);
  checkGeneration(next, undefined);
});

Deno.test("refreshLease() counts from now and keeps an address that is not replaced", async () => {
  const store = memoryStore({ epoch: "e" });
  const { node } = await store.transact((tx) =>
    addNode(tx, nextNodeId(tx), { ...join, fs_url: "ws://a/v2/fs" }, randomBytes, 0)
  );
  const refreshed = await store.transact((tx) =>
    refreshLease(tx, node, { fs_url: "", lease_ttl_ms: 500 }, randomBytes, 900)
  );
  assert.deepEqual([refreshed.node.fs_url, refreshed.node.lease_expires_at_ms], ["ws://a/v2/fs", 1_400]);
});

Deno.test("unansweredJoin() finds the node of an invite for whoever brings the same key, until a tunnel was opened", async () => {
  const store = memoryStore({ epoch: "e" });
  const { invite_token } = await store.transact((tx) => createInvite(tx, randomBytes, 0, { ttlMs: 1_000 }));
  const find = (key: string | undefined, token = invite_token) =>
    store.transact((tx) => unansweredJoin(tx, token, key)?.node_id);
  assert.equal(await find("key"), undefined, "it is not used yet");
  await store.transact((tx) => {
    redeemInvite(tx, invite_token, "node-1", undefined, 0);
    keepJoinKey(tx, invite_token, "key", addNode(tx, "node-1", join, randomBytes, 0).node);
  });
  assert.deepEqual(
    [await find("key"), await find("other"), await find(undefined), await find("key", "inv-0")],
    ["node-1", undefined, undefined, undefined],
  );
  const again = await store.transact((tx) => {
    const node = unansweredJoin(tx, invite_token, "key");
    assert.ok(node);
    const made = newNodeSecret(tx, node, randomBytes, 1);
    keepJoinKey(tx, invite_token, "key", made.node);
    return made;
  });
  assert.equal(await find("key"), "node-1", "this answer may be lost as well");
  await store.transact((tx) => newGeneration(tx, "node-1", again.node_secret, 2));
  assert.equal(await find("key"), undefined, "somebody has used it");
});

Deno.test("keepJoinKey() keeps the key as a digest only", async () => {
  const store = memoryStore({ epoch: "e" });
  const { invite_token } = await store.transact((tx) => createInvite(tx, randomBytes, 0, { ttlMs: 1_000 }));
  await store.transact((tx) => {
    redeemInvite(tx, invite_token, "node-1", undefined, 0);
    keepJoinKey(tx, invite_token, "join-0123456789", addNode(tx, "node-1", join, randomBytes, 0).node);
  });
  assert.ok(!JSON.stringify(store.list("invite")).includes("0123456789"));
});

/** A request to join that an admin has approved. */
async function approvedRequest() {
  const store = memoryStore({ epoch: "e" });
  const { record: { request_id }, claim_token } = await store.transact((tx) => makeJoinRequest(tx, {}, randomBytes, 0));
  await store.transact((tx) => approveJoin(tx, request_id, 60_000, randomBytes, 0));
  const claim = async (now: number) => {
    const answer = await store.transact((tx) => claimJoin(tx, request_id, claim_token, randomBytes, now));
    assert.ok(answer.status === "approved");
    return answer;
  };
  return { store, claim };
}

Deno.test("claimJoin() hands out new credentials again, and voids the earlier ones, until somebody has used them", async () => {
  const uses: Readonly<Record<string, (tx: Transaction, id: string, secret: string) => void>> = {
    "a tunnel": (tx, id, secret) => void newGeneration(tx, id, secret, 10),
    "a refresh": (tx, id, secret) =>
      void refreshLease(tx, authenticateNode(tx, id, secret), { fs_url: "", lease_ttl_ms: 1 }, randomBytes, 10),
    "a catalog that says nothing": (tx, id, secret) =>
      void publishCatalog(tx, { node_id: id, node_secret: secret, services: [] }, 10),
  };
  for (const [use, prove] of Object.entries(uses)) {
    const { store, claim } = await approvedRequest();
    const [lost, second] = [await claim(10), await claim(10)];
    assert.deepEqual([lost.isAgain, second.isAgain, second.node.node_id], [false, true, lost.node.node_id]);
    assert.throws(() => authenticateNode(store, lost.node.node_id, lost.node_secret), { code: "node_auth_failed" });
    assert.throws(() => checkGeneration(second.node, lost.node.lease_generation), { code: "lease_superseded" });
    await store.transact((tx) => prove(tx, second.node.node_id, second.node_secret));
    await assert.rejects(claim(10), { code: "pending_join_not_found" }, use);
    authenticateNode(store, second.node.node_id, second.node_secret);
  }
});

Deno.test("claimJoin() hands out credentials again for ten minutes from the first time", async () => {
  const { claim } = await approvedRequest();
  await claim(1_000);
  await claim(1_000 + CLAIM_AGAIN_MS - 1);
  await assert.rejects(claim(1_000 + CLAIM_AGAIN_MS), { code: "pending_join_not_found" });
});
