import assert from "node:assert/strict";
import fc from "fast-check";
import type { FailureReason, InvokeResult } from "../../drivers/driver.ts";
import {
  availability,
  cooldownRemaining,
  type Effect,
  initialState,
  type Instant,
  isRunning,
  longestCooldown,
  type LookReport,
  nextLookIn,
  type OperatorOp,
  supervise,
  type SupervisionEvent,
  type SupervisionState,
} from "./machine.ts";
import { DEFAULT_DECLARED, supervisionPolicy } from "./policy.ts";

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
      fc.constantFrom<LookReport>({ ok: true }, { ok: false, detail: "gone" })
        .map((report) => ({ report })),
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
  if (what !== "ok" && "report" in what) return [{ type: "look", report: what.report, at }];
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

/** Walks events from a state; each is `[after how many ms, what]`. */
function play(
  state: SupervisionState,
  ...events: readonly (readonly [number, "ok" | FailureReason | "tick" | LookReport])[]
): SupervisionState {
  let now = 0;
  for (const [wait, what] of events) {
    now += wait;
    const at = instant(now);
    if (what === "tick") state = supervise(state, { type: "tick", at }).state;
    else if (typeof what === "object") state = supervise(state, { type: "look", report: what, at }).state;
    else {
      state = supervise(state, { type: "start", call_id: "c", at }).state;
      const result = what === "ok" ? ok : failed(what);
      state = supervise(state, { type: "finish", call_id: "c", result, at }).state;
    }
  }
  return state;
}

function configured(policy: object): SupervisionState {
  const configure = { type: "configure", policy: supervisionPolicy.parse(policy), at: instant(0) } as const;
  return supervise(initialState(), configure).state;
}

const GONE: LookReport = { ok: false, detail: '"camera" is not there' };
const WELL: LookReport = { ok: true };

Deno.test("supervise() doubles a cooldown each time that the trial after it fails, up to the longest, and begins anew after a good run", () => {
  let state = configured({ cooldown_ms: 10_000 });
  const waits: number[] = [];
  let now = 0;
  const step = (what: "ok" | FailureReason) => {
    const at = instant(now);
    state = supervise(state, { type: "start", call_id: "c", at }).state;
    const result = what === "ok" ? ok : failed(what);
    state = supervise(state, { type: "finish", call_id: "c", result, at }).state;
    const wait = cooldownRemaining(state, at);
    waits.push(wait);
    now += wait;
  };
  for (const what of ["exit", "timeout", "launch", "exit", "ok", "exit"] as const) step(what);
  assert.deepEqual(waits, [10_000, 20_000, 30_000, 30_000, 0, 10_000]);
});

Deno.test("supervise() takes runs that fail together for one reason to cool down", () => {
  let state = configured({ cooldown_ms: 1_000 });
  for (const call_id of ["a", "b", "c"]) state = supervise(state, { type: "start", call_id, at: instant(0) }).state;
  for (const call_id of ["a", "b", "c"]) {
    state = supervise(state, { type: "finish", call_id, result: failed("exit"), at: instant(10) }).state;
  }
  assert.deepEqual([state.stats.consecutive_failures, cooldownRemaining(state, instant(10))], [3, 1_000]);
});

Deno.test("supervise() lets one trial run through after a cooldown and the next ones when it has ended", () => {
  const cooled = play(configured({ cooldown_ms: 1_000 }), [0, "exit"], [1_000, "tick"]);
  const at = instant(1_000);
  assert.equal(supervise(cooled, { type: "admit", at }).refusal, undefined);
  const trying = supervise(cooled, { type: "start", call_id: "trial", at }).state;
  assert.deepEqual(supervise(trying, { type: "admit", at }).refusal, { reason: "cooldown", retry_after_ms: 0 });
  const good = supervise(trying, { type: "finish", call_id: "trial", result: ok, at }).state;
  assert.deepEqual([supervise(good, { type: "admit", at }).refusal, good.trips], [undefined, 0]);
  const bad = supervise(trying, { type: "finish", call_id: "trial", result: failed("exit"), at }).state;
  assert.deepEqual(supervise(bad, { type: "admit", at }).refusal, { reason: "cooldown", retry_after_ms: 2_000 });
  const ended = supervise(trying, { type: "finish", call_id: "trial", result: failed("cancelled"), at }).state;
  assert.equal(supervise(ended, { type: "admit", at }).refusal, undefined);
  assert.deepEqual(ended.trips, 1, "it has shown nothing");
});

Deno.test("supervise() lets no run from before a cooldown decide the trial after it", () => {
  const at = instant(1_000);
  for (const result of [ok, failed("exit")]) {
    let state = configured({ cooldown_ms: 1_000 });
    state = supervise(state, { type: "start", call_id: "slow", at: instant(0) }).state;
    state = play(state, [0, "exit"], [1_000, "tick"]);
    state = supervise(state, { type: "start", call_id: "trial", at }).state;
    const still = supervise(state, { type: "finish", call_id: "slow", result, at }).state;
    assert.deepEqual([still.trips, still.trial, cooldownRemaining(still, at)], [1, "trial", 0]);
    const tried: SupervisionState = supervise(still, { type: "finish", call_id: "trial", result: ok, at }).state;
    assert.deepEqual([tried.trips, tried.trial, tried.underWay.size], [0, null, 0]);
  }
});

Deno.test("supervise() counts bad looks apart from failed runs and waits longer after each", () => {
  let state = initialState();
  const waits: number[] = [];
  for (const look of [GONE, GONE, GONE, WELL, GONE]) {
    state = play(state, [0, look]);
    waits.push(nextLookIn(state));
  }
  assert.deepEqual(waits, [500, 1_000, 2_000, 5_000, 500]);
  assert.equal(state.stats.failures_total, 0);
  assert.deepEqual([state.looks.consecutive_failures, state.looks.recoveries_total], [1, 1]);
});

Deno.test("supervise() is degraded while its driver cannot run, and well again when it can", () => {
  const gone = play(initialState(), [0, WELL], [5, GONE]);
  assert.deepEqual([availability(gone), isRunning(gone)], ["degraded", false]);
  assert.deepEqual([gone.last_healthy_ms, gone.last_transition_ms], [instant(0).wall_ms, instant(5).wall_ms]);
  const back = play(gone, [9, WELL]);
  assert.deepEqual([availability(back), isRunning(back), back.last_healthy_ms], ["online", true, instant(9).wall_ms]);
  assert.equal(
    play(back, [99, WELL]).last_healthy_ms,
    instant(9).wall_ms,
    "a look that finds nothing new says nothing",
  );
});

Deno.test("supervise() forgives runs that could not start once the program is there again, and no others", () => {
  const missing = play(initialState(), [0, WELL], [0, "launch"], [0, "launch"]);
  assert.deepEqual([availability(missing), isRunning(missing)], ["degraded", false]);
  const back = play(missing, [0, WELL]);
  assert.deepEqual([availability(back), back.stats.consecutive_failures, back.stats.failures_total], ["online", 2, 2]);
  const crashed = play(initialState(), [0, WELL], [0, "exit"], [0, WELL]);
  assert.deepEqual([availability(crashed), crashed.stats.consecutive_failures], ["degraded", 1]);
});

Deno.test("supervise() lets no good look shorten a cooldown or keep a service from being switched off", () => {
  const cooling = play(configured({ cooldown_ms: 1_000 }), [0, "exit"], [1_000, "tick"], [0, "exit"], [1, WELL]);
  assert.deepEqual([cooldownRemaining(cooling, instant(1_001)), cooling.trips], [1_999, 2]);
  for (const reason of ["exit", "launch"] as const) {
    const limited = configured({ max_consecutive_failures: 3 });
    const off = play(limited, [0, reason], [1, WELL], [1, reason], [1, WELL], [1, reason]);
    assert.deepEqual([off.enabled, off.last_control_op], [false, "auto_disable"], reason);
  }
});

Deno.test("supervise() disables after so many bad looks as the manifest says, and looks count for nothing then", () => {
  const declared = { ...DEFAULT_DECLARED, max_consecutive_failures: 2, auto_disable_on_failures: true };
  const once = play(initialState(declared), [0, GONE]);
  assert.equal(once.enabled, true);
  const step = supervise(once, { type: "look", report: GONE, at: instant(1) });
  assert.deepEqual([step.state.enabled, step.state.last_control_op], [false, "auto_disable"]);
  assert.deepEqual(step.effects.map(({ file }) => file), ["last_error", "status", "health"]);
  const shown = step.effects.flatMap((effect) => effect.file === "status" ? [effect.status] : []);
  assert.deepEqual(shown, [{ state: "offline", reason: "max_consecutive_failures" }]);
  assert.equal(play(step.state, [0, WELL]), step.state);
  assert.equal(
    play(initialState({ ...declared, auto_disable_on_failures: false }), [0, GONE], [0, GONE]).enabled,
    true,
  );
});

Deno.test("supervise() goes by the rules of the manifest where config.json says nothing", () => {
  const declared = { ...DEFAULT_DECLARED, max_consecutive_failures: 2, auto_disable_on_failures: true };
  assert.equal(play(initialState(declared), [0, "exit"], [0, "exit"]).enabled, false);
  const limits = { ...DEFAULT_DECLARED, cooldown_ms: 700 };
  const state = supervise(initialState(), {
    type: "redefine",
    declared: limits,
    policy: supervisionPolicy.parse({ cooldown_ms: 700 }),
    at: instant(0),
  }).state;
  assert.equal(cooldownRemaining(play(state, [0, "exit"]), instant(0)), 700);
});

Deno.test("supervise() says why a run failed once, also when the driver has used the same words", () => {
  const shown = (reason: FailureReason, message: string) => {
    const result: InvokeResult = { ...failed(reason), ok: false, reason, message, exit_code: -1 };
    const { effects } = supervise(initialState(), { type: "finish", call_id: "c", result, at: instant(0) });
    return effects.flatMap((effect) => effect.file === "last_error" ? [effect.content] : [])[0];
  };
  const late = "service invocation terminated after timeout_ms";
  assert.equal(shown("timeout", `${late}: "cat" ran longer than 100 ms`), `${late}: "cat" ran longer than 100 ms`);
  assert.equal(shown("timeout", "too slow"), `${late}: too slow`);
  assert.equal(shown("exit", "service process failed"), "service process failed");
  assert.equal(shown("signal", "killed"), "service process failed: killed");
  assert.equal(shown("output_limit", "it wrote too much"), "it wrote too much");
});

Deno.test("supervise() counts what could not start and what wrote too much as failures", () => {
  for (const reason of ["launch", "output_limit"] as const) {
    const state = play(initialState(), [0, reason]);
    assert.deepEqual([state.stats.failures_total, state.stats.consecutive_failures], [1, 1]);
    assert.equal(play(configured({ max_consecutive_failures: 2 }), [0, reason], [0, reason]).enabled, false);
  }
});

Deno.test("supervise() dates a transition exactly when the state changes", () => {
  fc.assert(fc.property(happenings, (history) => {
    walk(history, (before, event, after) => {
      const seen = (state: SupervisionState) => `${availability(state)} ${isRunning(state)}`;
      const isNew = seen(before) !== seen(after);
      assert.equal(after.last_transition_ms, isNew ? event.at.wall_ms : before.last_transition_ms);
    });
  }));
});
