import assert from "node:assert/strict";
import fc from "fast-check";
import type { FailureReason, InvokeResult } from "../../drivers/driver.ts";
import {
  availability,
  cooldownRemaining,
  type Effect,
  initialState,
  type Instant,
  longestCooldown,
  type OperatorOp,
  supervise,
  type SupervisionEvent,
  type SupervisionState,
} from "./machine.ts";
import { supervisionPolicy } from "./policy.ts";

const NOTHING = new Uint8Array();
const ok: InvokeResult = { ok: true, exit_code: 0, stdout: NOTHING, stderr: NOTHING, duration_ms: 1 };

function failed(reason: FailureReason): InvokeResult {
  return { ok: false, reason, exit_code: -1, message: "m", stdout: NOTHING, stderr: NOTHING, duration_ms: 1 };
}

function instant(ms: number): Instant {
  return { wall_ms: 1_700_000_000_000 + ms, monotonic_ms: ms };
}

/** Something that happens, some time after what happened before. */
const happenings = fc.array(
  fc.record({
    wait: fc.nat(2_000),
    what: fc.oneof(
      fc.constantFrom("ok" as const, "tick" as const, "admit" as const),
      fc.constantFrom<FailureReason>("exit", "signal", "timeout", "launch", "output_limit", "cancelled")
        .map((reason) => ({ reason })),
      fc.constantFrom<OperatorOp>("enable", "disable", "restart", "reset").map((op) => ({ op })),
      fc.record({
        max_consecutive_failures: fc.nat(4),
        max_consecutive_timeouts: fc.nat(3),
        cooldown_ms: fc.constantFrom(0, 500, 1_000),
        auto_disable_on_threshold: fc.boolean(),
      }).map((policy) => ({ policy })),
    ),
  }),
  { maxLength: 40 },
);

type Happening = typeof happenings extends fc.Arbitrary<(infer One)[]> ? One : never;

function eventsOf({ what }: Happening, state: SupervisionState, at: Instant): SupervisionEvent[] {
  if (what === "tick" || what === "admit") return [{ type: what, at }];
  if (what !== "ok" && "op" in what) return [{ type: "operate", op: what.op, at }];
  if (what !== "ok" && "policy" in what) return [{ type: "configure", policy: what.policy, at }];
  const result = what === "ok" ? ok : failed(what.reason);
  if (supervise(state, { type: "admit", at }).refusal !== undefined) return [];
  return [{ type: "start", call_id: "c", at }, { type: "finish", call_id: "c", result, at }];
}

/** Walks a history and shows each step to `check`. */
function walk(
  history: readonly Happening[],
  check: (
    before: SupervisionState,
    event: SupervisionEvent,
    after: SupervisionState,
    effects: readonly Effect[],
  ) => void,
): void {
  let state = initialState();
  let now = 0;
  for (const happening of history) {
    now += happening.wait;
    for (const event of eventsOf(happening, state, instant(now))) {
      const step = supervise(state, event);
      check(state, event, step.state, step.effects);
      state = step.state;
    }
  }
}

Deno.test("supervise() keeps its counters in order, whatever happens", () => {
  fc.assert(fc.property(happenings, (history) => {
    walk(history, (before, _event, after) => {
      const { stats } = after;
      assert.ok(stats.consecutive_failures <= stats.failures_total);
      assert.ok(stats.timeouts_total <= stats.failures_total);
      assert.ok(stats.consecutive_timeouts <= stats.consecutive_failures);
      assert.ok(stats.failures_total <= stats.invokes_total);
      assert.ok(stats.invokes_total >= before.stats.invokes_total);
      assert.ok(stats.failures_total >= before.stats.failures_total);
    });
  }));
});

Deno.test("supervise() never has a cooldown while disabled, nor one longer than its policy leads to", () => {
  fc.assert(fc.property(happenings, (history) => {
    walk(history, (_before, event, after) => {
      if (!after.enabled) assert.equal(after.cooldown, null);
      assert.ok(cooldownRemaining(after, event.at) <= longestCooldown(after));
    });
  }));
});

Deno.test("supervise() disables by a failure exactly when a threshold is reached and heeded", () => {
  fc.assert(fc.property(happenings, (history) => {
    walk(history, (before, event, after) => {
      if (event.type !== "finish" || event.result.ok || event.result.reason === "cancelled") return;
      const { policy, stats } = after;
      const failures = policy.max_consecutive_failures > 0 &&
        stats.consecutive_failures >= policy.max_consecutive_failures;
      const timeouts = policy.max_consecutive_timeouts > 0 &&
        stats.consecutive_timeouts >= policy.max_consecutive_timeouts;
      assert.equal(before.enabled && !after.enabled, policy.auto_disable_on_threshold && (failures || timeouts));
    });
  }));
});

Deno.test("supervise() lets a service run right after enable, reset or restart, unless it is disabled", () => {
  fc.assert(fc.property(happenings, (history) => {
    walk(history, (_before, event, after) => {
      if (event.type !== "operate" || event.op === "disable") return;
      assert.equal(after.stats.consecutive_failures, 0);
      assert.equal(supervise(after, { type: "admit", at: event.at }).refusal === undefined, after.enabled);
    });
  }));
});

Deno.test("supervise() is well after a success and not after a failure", () => {
  fc.assert(fc.property(happenings, (history) => {
    walk(history, (_before, event, after) => {
      if (event.type !== "finish") return;
      if (event.result.ok) assert.equal(availability(after), "online");
      else if (event.result.reason !== "cancelled") assert.notEqual(availability(after), "online");
    });
  }));
});

Deno.test("supervise() leaves no run at status running", () => {
  fc.assert(fc.property(happenings, (history) => {
    walk(history, (_before, event, _after, effects) => {
      if (event.type !== "finish") return;
      const states = effects.flatMap((effect) => effect.file === "call" ? [effect.status.state] : []);
      assert.equal(states.length, 1);
      assert.ok(!states.includes("running"));
    });
  }));
});

Deno.test("supervise() ends a cooldown by monotonic time alone", () => {
  const policy = supervisionPolicy.parse({ cooldown_ms: 1_000 });
  let { state } = supervise(initialState(), { type: "configure", policy, at: instant(0) });
  state = supervise(state, { type: "finish", call_id: "c", result: failed("launch"), at: instant(0) }).state;
  const jumped = { wall_ms: instant(0).wall_ms + 9_999_999, monotonic_ms: 999 };
  assert.deepEqual(supervise(state, { type: "admit", at: jumped }).refusal, { reason: "cooldown", retry_after_ms: 1 });
  assert.equal(supervise(state, { type: "admit", at: { ...jumped, monotonic_ms: 1_000 } }).refusal, undefined);
});

Deno.test("supervise() names the failures before the timeouts when both thresholds are reached", () => {
  const policy = supervisionPolicy.parse({ max_consecutive_failures: 1, max_consecutive_timeouts: 1 });
  const { state } = supervise(initialState(), { type: "configure", policy, at: instant(0) });
  const step = supervise(state, { type: "finish", call_id: "c", result: failed("timeout"), at: instant(1) });
  const status = step.effects.flatMap((effect) => effect.file === "status" ? [effect.status] : [])[0];
  assert.ok(status !== undefined && status.state === "offline");
  assert.equal(status.reason, "max_consecutive_failures");
});

Deno.test("supervise() counts nothing for a run that the node itself ended", () => {
  const step = supervise(initialState(), { type: "finish", call_id: "c", result: failed("cancelled"), at: instant(5) });
  assert.equal(step.state.stats.failures_total, 0);
  assert.equal(availability(step.state), "online");
});

Deno.test("supervise() never counts below zero", () => {
  fc.assert(fc.property(happenings, (history) => {
    walk(history, (_before, _event, { stats, restarts_total }) => {
      for (const [name, value] of Object.entries(stats)) if (name !== "last_exit_code") assert.ok(value >= 0, name);
      assert.ok(restarts_total >= 0);
    });
  }));
});

Deno.test("supervise() keeps a service disabled until somebody enables it", () => {
  fc.assert(fc.property(happenings, (history) => {
    walk(history, (before, event, after) => {
      if (before.enabled || (event.type === "operate" && event.op === "enable")) return;
      assert.equal(after.enabled, false);
      assert.deepEqual(supervise(after, { type: "admit", at: event.at }).refusal, { reason: "disabled" });
    });
  }));
});

/** What remains of a state when nobody looks at the wall clock. */
function withoutWall({ cooldown, last_control_ms: _, stats, ...others }: SupervisionState): unknown {
  const { backoff_until_ms: _backoff, last_transition_ms: _transition, last_healthy_ms: _healthy, ...rest } = others;
  const { last_started_ms: _started, last_finished_ms: _finished, ...counted } = stats;
  return { ...rest, stats: counted, until: cooldown?.until_monotonic_ms };
}

Deno.test("supervise() decides the same however the wall clock jumps", () => {
  fc.assert(
    fc.property(happenings, fc.array(fc.integer({ min: -1e12, max: 1e12 }), { minLength: 1 }), (history, jumps) => {
      let steady = initialState();
      let jumping = initialState();
      let now = 0;
      let jumped = 0;
      for (const [index, happening] of history.entries()) {
        now += happening.wait;
        jumped += jumps[index % jumps.length] ?? 0;
        const at = { ...instant(now), wall_ms: instant(now).wall_ms + jumped };
        assert.deepEqual(
          supervise(jumping, { type: "admit", at }).refusal,
          supervise(steady, { type: "admit", at: instant(now) }).refusal,
        );
        for (const event of eventsOf(happening, steady, instant(now))) steady = supervise(steady, event).state;
        for (const event of eventsOf(happening, jumping, at)) jumping = supervise(jumping, event).state;
        assert.deepEqual(withoutWall(jumping), withoutWall(steady));
      }
    }),
  );
});

/** The state after runs that ended so, one after the other. */
function after(reasons: readonly (FailureReason | "ok")[], policy: object = {}): SupervisionState {
  const configured = { type: "configure", policy: supervisionPolicy.parse(policy), at: instant(0) } as const;
  let { state } = supervise(initialState(), configured);
  for (const reason of reasons) {
    state = supervise(state, { type: "start", call_id: "c", at: instant(0) }).state;
    const result = reason === "ok" ? ok : failed(reason);
    state = supervise(state, { type: "finish", call_id: "c", result, at: instant(0) }).state;
  }
  return state;
}

Deno.test("supervise() counts timeouts apart from other failures", () => {
  const streaks = (...reasons: readonly (FailureReason | "ok")[]) => {
    const { stats } = after(reasons);
    return [stats.failures_total, stats.consecutive_failures, stats.timeouts_total, stats.consecutive_timeouts];
  };
  assert.deepEqual(streaks("timeout", "timeout"), [2, 2, 2, 2]);
  assert.deepEqual(streaks("timeout", "exit"), [2, 2, 1, 0]);
  assert.deepEqual(streaks("exit", "timeout", "output_limit", "launch", "signal"), [5, 5, 1, 0]);
  assert.deepEqual(streaks("timeout", "ok", "timeout"), [2, 1, 2, 1]);
});

Deno.test("supervise() disables for timeouts only when they come in a row", () => {
  const policy = { max_consecutive_timeouts: 2 };
  assert.equal(after(["timeout", "exit", "timeout"], policy).enabled, true);
  assert.equal(after(["exit", "timeout", "timeout"], policy).enabled, false);
  assert.equal(after(["timeout", "timeout"], { ...policy, auto_disable_on_threshold: false }).enabled, true);
});

Deno.test("namespace supervision cooldown gates repeated invoke", () => {
  const state = after(["exit"], { cooldown_ms: 60_000, auto_disable_on_threshold: false });
  const step = supervise(state, { type: "admit", at: instant(1) });
  assert.deepEqual(step.refusal, { reason: "cooldown", retry_after_ms: 59_999 });
  assert.deepEqual(step.effects, [
    { file: "status", status: { state: "backoff", reason: "cooldown", retry_after_ms: 59_999 } },
    { file: "last_error", content: "service runtime cooling down" },
    { file: "health" },
  ]);
  assert.equal(step.state.enabled, true);
  assert.equal(supervise(state, { type: "admit", at: instant(60_000) }).refusal, undefined);
});

Deno.test("namespace supervision auto-disables after failure threshold", () => {
  const state = after(["exit"], { max_consecutive_failures: 1 });
  assert.deepEqual([state.enabled, state.last_control_op, state.cooldown], [false, "auto_disable", null]);
  assert.deepEqual(supervise(state, { type: "admit", at: instant(1) }).refusal, { reason: "disabled" });
});
