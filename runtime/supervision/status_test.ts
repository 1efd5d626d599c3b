import assert from "node:assert/strict";
import type { InvokeResult } from "../../drivers/driver.ts";
import { initialState, supervise, type SupervisionEvent, type SupervisionState } from "./machine.ts";
import { isTransition, shortened, stateReason, supervisionStatus } from "./status.ts";

const at = { wall_ms: 1_700_000_000_000, monotonic_ms: 0 };

function failed(message: string, stderr = ""): InvokeResult {
  const empty = new Uint8Array();
  const said = new TextEncoder().encode(stderr);
  return { ok: false, reason: "exit", exit_code: 3, message, stdout: empty, stderr: said, duration_ms: 1 };
}

function after(...events: readonly SupervisionEvent[]): SupervisionState {
  return events.reduce((state, event) => supervise(state, event).state, initialState());
}

const WELL = { type: "look", report: { ok: true }, at } as const;

Deno.test("supervisionStatus() has the eleven members in the order of the reference", () => {
  assert.equal(
    JSON.stringify(supervisionStatus(after(WELL))),
    '{"state":"online","enabled":true,"running":true,"start_attempts_total":1,"restarts_total":0,' +
      '"consecutive_failures":0,"backoff_until_ms":0,"last_transition_ms":1700000000000,' +
      '"last_healthy_ms":1700000000000,"last_error":null,"updated_at_ms":1700000000000}',
  );
  const unseen = supervisionStatus(initialState());
  assert.deepEqual([unseen.last_healthy_ms, unseen.updated_at_ms, unseen.running], [null, null, false]);
});

Deno.test("supervisionStatus() reflects runs, looks and operators", () => {
  const ran = supervisionStatus(
    after(WELL, { type: "finish", call_id: "c", result: failed("it broke", "no lens\nat 7"), at }),
  );
  assert.deepEqual([ran.state, ran.running, ran.consecutive_failures, ran.last_error], [
    "degraded",
    true,
    1,
    "it broke: no lens",
  ]);
  const gone = supervisionStatus(after(WELL, { type: "look", report: { ok: false, detail: "it is gone" }, at }));
  assert.deepEqual([gone.state, gone.running, gone.last_error, gone.backoff_until_ms], [
    "degraded",
    false,
    "it is gone",
    at.wall_ms + 500,
  ]);
  const off = supervisionStatus(after(WELL, { type: "operate", op: "disable", at }));
  assert.deepEqual([off.state, off.enabled, off.running], ["offline", false, false]);
});

Deno.test("isTransition() is about being well, running and enabled, not about one more failure", () => {
  const fails = (message: string): SupervisionEvent => ({ type: "finish", call_id: "c", result: failed(message), at });
  const once = supervisionStatus(after(WELL, fails("a")));
  assert.equal(isTransition(supervisionStatus(after(WELL)), once), true);
  assert.equal(isTransition(once, supervisionStatus(after(WELL, fails("a"), fails("b")))), false);
});

Deno.test("shortened() cuts at 256 bytes, between characters, and keeps to one line", () => {
  assert.equal(shortened("one\r\ntwo\u0007 "), "one two");
  const long = shortened("ä".repeat(200));
  assert.ok(new TextEncoder().encode(long).length <= 256);
  assert.match(long, /^ä+…$/);
  assert.equal(shortened("x".repeat(256)), "x".repeat(256));
});

Deno.test("stateReason() says in words why a service is not online, and until when", () => {
  const fails = (n: number): SupervisionEvent => ({
    type: "finish",
    call_id: `c-${n}`,
    result: failed("exited with code 3", "no such room"),
    at,
  });
  const gone: SupervisionEvent = { type: "look", report: { ok: false, detail: "the program is gone" }, at };
  const policy = { ...initialState().policy, max_consecutive_failures: 1 };
  const cases: readonly [SupervisionState, string | null][] = [
    [after(WELL), null],
    [after(WELL, fails(1)), "the last run failed, until a good one or control/reset: exited with code 3: no such room"],
    [
      after(fails(1), fails(2)),
      "2 runs in a row failed, until a good one or control/reset: exited with code 3: no such room",
    ],
    [after(gone), "its driver cannot work, until it can: the program is gone"],
    [
      after({ type: "configure", policy: { ...initialState().policy, cooldown_ms: 500 }, at }, fails(1)),
      "cooling down after a failed run: exited with code 3: no such room",
    ],
    [after({ type: "operate", op: "disable", at }), "switched off, until control/enable"],
    [
      after({ type: "configure", policy, at }, fails(1)),
      "switched off after too many failures, until control/enable: exited with code 3: no such room",
    ],
    [after(fails(1), { type: "operate", op: "reset", at }), null],
  ];
  for (const [state, reason] of cases) assert.equal(stateReason(state), reason);
});
