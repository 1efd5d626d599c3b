import assert from "node:assert/strict";
import { afterFailure, FAILURE_WINDOW_MS, type FailureRecord, retryAfterSeconds } from "./bearer_backoff.ts";

/** Fails `count` times, each as soon as that is looked at; returns the waits in seconds and the end. */
function failAsSoonAsAllowed(count: number): { waits: number[]; record: FailureRecord | undefined; nowMs: number } {
  let record: FailureRecord | undefined;
  let nowMs = 0;
  const waits: number[] = [];
  for (let i = 0; i < count; i++) {
    record = afterFailure(record, nowMs);
    const wait = retryAfterSeconds(record, nowMs);
    waits.push(wait);
    nowMs += wait * 1000;
  }
  return { waits, record, nowMs };
}

Deno.test("afterFailure() brings a wait with the fifth failure within a minute, doubled by each further one up to a minute", () => {
  assert.deepEqual(failAsSoonAsAllowed(13).waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

Deno.test("afterFailure() brings no wait while fewer than five failures fall within any minute", () => {
  let record: FailureRecord | undefined;
  for (let i = 0; i < 100; i++) {
    record = afterFailure(record, i * 15_000);
    assert.equal(retryAfterSeconds(record, i * 15_000), 0);
  }
});

Deno.test("afterFailure() begins anew for an address that was quiet for a minute after its wait", () => {
  const { record, nowMs } = failAsSoonAsAllowed(8);
  const soon = nowMs + FAILURE_WINDOW_MS - 1;
  assert.equal(retryAfterSeconds(afterFailure(record, soon), soon), 16);
  const later = nowMs + FAILURE_WINDOW_MS;
  assert.equal(retryAfterSeconds(afterFailure(record, later), later), 0);
});

Deno.test("retryAfterSeconds() counts down in whole seconds, rounded up", () => {
  const { record, nowMs } = failAsSoonAsAllowed(6);
  assert.deepEqual([-2000, -1999, -1000, -1, 0, 1].map((ms) => retryAfterSeconds(record, nowMs + ms)), [
    2,
    2,
    1,
    1,
    0,
    0,
  ]);
  assert.equal(retryAfterSeconds(undefined, 0), 0);
});
