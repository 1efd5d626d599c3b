import assert from "node:assert/strict";
import { sleep } from "./clock.ts";
import { ManualClock } from "./manual_clock.ts";

Deno.test("ManualClock fires what falls due in the order of its time, at that time", () => {
  const clock = new ManualClock(1_000);
  const fired: [string, number, number][] = [];
  const note = (name: string) => () => fired.push([name, clock.monotonic(), clock.now()]);
  clock.after(30, note("late"));
  clock.after(10, note("early"));
  clock.after(10, note("early too"));
  clock.after(31, note("never"));
  clock.advance(30);
  assert.deepEqual(fired, [["early", 10, 1_010], ["early too", 10, 1_010], ["late", 30, 1_030]]);
  assert.deepEqual([clock.monotonic(), clock.now(), clock.pendingTimers], [30, 1_030, 1]);
});

Deno.test("ManualClock fires within one advance what an action of it sets", () => {
  const clock = new ManualClock();
  const beats: number[] = [];
  const beat = () => {
    beats.push(clock.monotonic());
    clock.after(20, beat);
  };
  clock.after(20, beat);
  clock.advance(70);
  assert.deepEqual(beats, [20, 40, 60]);
});

Deno.test("ManualClock.after() takes a time that has passed for now, and its end twice", () => {
  const clock = new ManualClock();
  let fired = 0;
  clock.after(-5, () => fired++);
  const cancel = clock.after(0, () => fired += 10);
  cancel();
  cancel();
  clock.advance(0);
  assert.equal(fired, 1);
});

Deno.test("ManualClock.jumpWall() moves the wall and no deadline", () => {
  const clock = new ManualClock(1_000);
  let fired = 0;
  clock.after(10, () => fired++);
  clock.jumpWall(-900);
  clock.jumpWall(60_000);
  assert.deepEqual([clock.now(), clock.monotonic(), fired], [60_100, 0, 0]);
  clock.advance(10);
  assert.deepEqual([clock.now(), fired], [60_110, 1]);
});

Deno.test("sleep() ends with its time or its signal, whichever comes first, and leaves no timer", async () => {
  const clock = new ManualClock();
  const slept = sleep(clock, 100);
  clock.advance(100);
  await slept;
  const stop = new AbortController();
  const cut = sleep(clock, 100, stop.signal);
  stop.abort();
  await cut;
  await sleep(clock, 100, stop.signal);
  assert.equal(clock.pendingTimers, 0);
});
