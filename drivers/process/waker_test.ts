import assert from "node:assert/strict";
import { Waker } from "./waker.ts";

Deno.test("Waker wakes all who wait, and remembers nobody who does not wait any more", async () => {
  const waker = new Waker();
  const stop = new AbortController();
  const forever = new AbortController().signal;
  const waits = [waker.wait(stop.signal), waker.wait(forever), waker.wait(forever)];
  assert.equal(waker.waiting, 3);
  stop.abort();
  await waits[0];
  assert.equal(waker.waiting, 2);
  waker.wake();
  await Promise.all(waits);
  assert.equal(waker.waiting, 0);
  await waker.wait(stop.signal);
  assert.equal(waker.waiting, 0);
});
