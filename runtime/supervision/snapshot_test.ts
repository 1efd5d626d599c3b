import assert from "node:assert/strict";
import { cooldownRemaining, initialState } from "./machine.ts";
import { overridePolicy, supervisionPolicy } from "./policy.ts";
import { serviceSnapshot, stateFromSnapshot, takeSnapshot } from "./snapshot.ts";

const TEXTS = { config: "{}", result: "r", status: "s", last_error: "" };
const policy = supervisionPolicy.parse({ cooldown_ms: 1_000 });
const at = { wall_ms: 1_700_000_000_000, monotonic_ms: 50 };

/** A snapshot of a service in a cooldown that ends `restMs` after `at` on the wall clock. */
function coolingDown(restMs: number) {
  const until = { until_wall_ms: at.wall_ms + restMs, until_monotonic_ms: 7 };
  return takeSnapshot("echo", { ...initialState(), policy, cooldown: until }, TEXTS);
}

Deno.test("stateFromSnapshot() goes on with the rest of a cooldown", () => {
  assert.equal(cooldownRemaining(stateFromSnapshot(coolingDown(400), policy, at), at), 400);
  assert.equal(stateFromSnapshot(coolingDown(-1), policy, at).cooldown, null);
});

Deno.test("stateFromSnapshot() never makes a cooldown longer than its policy leads to, whatever the wall clock did", () => {
  assert.equal(cooldownRemaining(stateFromSnapshot(coolingDown(86_400_000), policy, at), at), 30_000);
});

Deno.test("serviceSnapshot fills in what an entry leaves out and refuses wrong types", () => {
  const bare = serviceSnapshot.parse({ service_id: "echo" });
  assert.deepEqual(bare.stats, initialState().stats);
  assert.equal(bare.runtime.enabled, true);
  for (const bad of [{}, { service_id: "" }, { service_id: "e", stats: 7 }, { service_id: "e", result_json: 7 }]) {
    assert.equal(serviceSnapshot.safeParse(bad).success, false, JSON.stringify(bad));
  }
});

Deno.test("overridePolicy() puts only the members that are there over a policy", () => {
  assert.deepEqual(overridePolicy(policy, { max_consecutive_failures: 3 }), { ...policy, max_consecutive_failures: 3 });
  assert.deepEqual(overridePolicy(policy), policy);
});
