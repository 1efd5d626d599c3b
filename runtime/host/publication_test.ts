import assert from "node:assert/strict";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import { initialState, type Instant, supervise, type SupervisionEvent } from "../supervision/machine.ts";
import { Publication } from "./publication.ts";
import { descriptor, failure, START_MS } from "./service_fixture_test.ts";

/** A service whose state the test moves. */
function publishing() {
  const clock = new ManualClock(START_MS);
  let changes = 0;
  let state = initialState();
  const declared = descriptor("echo", { mounts: [{ mount_id: "m", mount_path: "/nodes/n/echo", state: "online" }] });
  const publication = new Publication(declared, state, clock, () => changes++);
  const happen = (event: (at: Instant) => SupervisionEvent) => {
    const at = { wall_ms: clock.now(), monotonic_ms: clock.monotonic() };
    state = supervise(state, event(at)).state;
    publication.show(state);
  };
  return {
    clock,
    publication,
    declared,
    get changes() {
      return changes;
    },
    look: (ok: boolean) => happen((at) => ({ type: "look", report: ok ? { ok } : { ok, detail: "it is gone" }, at })),
    fail: () => happen((at) => ({ type: "finish", call_id: "c", result: failure("exit", "broken"), at })),
    operate: (op: "disable" | "enable") => happen((at) => ({ type: "operate", op, at })),
  };
}

Deno.test("runtime probe state overlays service catalog json", () => {
  const scene = publishing();
  const seen = () => {
    const { state, mounts, runtime } = scene.publication.descriptor;
    const { last_error } = Object(runtime["supervision_status"]);
    return [state, mounts[0]?.state, last_error];
  };
  scene.look(true);
  assert.deepEqual(seen(), ["online", "online", null]);
  scene.look(false);
  assert.deepEqual(seen(), ["degraded", "degraded", "it is gone"]);
  scene.look(true);
  assert.deepEqual(seen(), ["online", "online", null]);
  const before = scene.publication.descriptor;
  scene.look(true);
  assert.equal(scene.publication.descriptor, before);
  assert.equal(scene.changes, 3);
});

Deno.test("Publication tells of each transition once and of further failures ever more seldom", () => {
  const scene = publishing();
  scene.look(true);
  scene.fail();
  assert.equal(scene.changes, 2);
  const told: number[] = [];
  let known = scene.changes;
  for (let second = 1; second <= 64; second++) {
    scene.fail();
    scene.clock.advance(1_000);
    if (scene.changes > known) told.push(second);
    known = scene.changes;
  }
  // Waits of 1, 2, 4, 8, 16, 32 s, each from the failure after the one before.
  assert.deepEqual(told, [1, 3, 7, 15, 31, 63]);
  const { runtime } = scene.publication.descriptor;
  assert.equal(Object(runtime["supervision_status"]).consecutive_failures, 64);
});

Deno.test("Publication tells at once when an operator switches the service off and on, also while it waits", () => {
  const scene = publishing();
  scene.look(true);
  scene.fail();
  scene.fail();
  scene.operate("disable");
  assert.deepEqual([scene.publication.descriptor.state, scene.changes], ["offline", 3]);
  scene.operate("enable");
  assert.deepEqual([scene.publication.descriptor.state, scene.changes], ["online", 4]);
  assert.equal(scene.clock.pendingTimers, 0);
});

Deno.test("Publication shows what is wrong with the newest manifest, and keeps how the service is through another one", () => {
  const scene = publishing();
  scene.look(false);
  scene.publication.fault("echo.json:1:1: it is damaged");
  assert.equal(scene.publication.descriptor.runtime["reload_error"], "echo.json:1:1: it is damaged");
  scene.publication.fault(undefined);
  assert.equal("reload_error" in scene.publication.descriptor.runtime, false);
  scene.publication.declare({ ...scene.declared, version: "2" });
  assert.deepEqual([scene.publication.descriptor.version, scene.publication.descriptor.state], ["2", "degraded"]);
});
