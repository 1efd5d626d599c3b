import assert from "node:assert/strict";
import { RunQueue } from "./run_queue.ts";
import { settled } from "./service_fixture_test.ts";

function queueOf(places: number, waiting: number) {
  const started: number[] = [];
  const ends = new Map<number, () => void>();
  const queue = new RunQueue<number>({ places, waiting }, (job) => {
    started.push(job);
    return new Promise((resolve) => ends.set(job, resolve));
  });
  return { queue, started, end: (job: number) => ends.get(job)?.() };
}

Deno.test("RunQueue starts jobs in their order, as many as there are places", async () => {
  const { queue, started, end } = queueOf(2, 10);
  for (const job of [1, 2, 3, 4]) queue.offer(job);
  assert.deepEqual(started, [1, 2]);
  end(2);
  await settled();
  assert.deepEqual(started, [1, 2, 3]);
});

Deno.test("RunQueue has no room when as many wait as may", () => {
  const { queue } = queueOf(1, 1);
  queue.offer(1);
  queue.offer(2);
  assert.equal(queue.hasRoom, false);
  assert.throws(() => queue.offer(3), RangeError);
});

Deno.test("RunQueue.drain() takes what waits and leaves what runs", async () => {
  const { queue, started, end } = queueOf(1, 10);
  for (const job of [1, 2, 3]) queue.offer(job);
  assert.deepEqual(queue.drain(), [2, 3]);
  end(1);
  await settled();
  assert.deepEqual(started, [1]);
});

Deno.test("RunQueue.setPlaces() starts what now has a place", () => {
  const { queue, started } = queueOf(1, 10);
  for (const job of [1, 2, 3]) queue.offer(job);
  queue.setPlaces(3);
  assert.deepEqual(started, [1, 2, 3]);
});
