import assert from "node:assert/strict";
import fc from "fast-check";
import { HistoryIndex } from "./history_index.ts";
import type { EventHead } from "./records.ts";

const head = (revision: number, bytes = 1, timestamp_ms = revision): EventHead => ({
  revision,
  kind: "upsert",
  node_id: "n",
  timestamp_ms,
  bytes,
});

function add(index: HistoryIndex, ...heads: EventHead[]): void {
  index.add(heads, index.oldestAfter(heads));
}

Deno.test("HistoryIndex trims by count, by bytes and by age, and never the newest event", () => {
  const byCount = new HistoryIndex({ maxEvents: 2 }, 1);
  add(byCount, head(1), head(2), head(3));
  assert.deepEqual([byCount.oldest, byCount.size, byCount.bytes], [2, 2, 2]);
  const byBytes = new HistoryIndex({ maxBytes: 10 }, 1);
  add(byBytes, head(1, 6));
  add(byBytes, head(2, 6));
  assert.equal(byBytes.oldest, 2);
  add(byBytes, head(3, 60));
  assert.deepEqual([byBytes.oldest, byBytes.size, byBytes.bytes], [3, 1, 60]);
  const byAge = new HistoryIndex({ maxAgeMs: 100 }, 1);
  add(byAge, head(1, 1, 0), head(2, 1, 90));
  add(byAge, head(3, 1, 101));
  assert.equal(byAge.oldest, 2);
});

Deno.test("HistoryIndex.since() begins behind the revision that is named, also below what is held", () => {
  const index = new HistoryIndex({ maxEvents: 3 }, 5);
  add(index, head(5), head(6), head(7), head(8));
  assert.deepEqual(index.since(0).map(({ revision }) => revision), [6, 7, 8]);
  assert.deepEqual(index.since(6).map(({ revision }) => revision), [7, 8]);
  assert.deepEqual(index.since(8), []);
});

Deno.test("HistoryIndex holds a run without holes within its limits, whatever is added", () => {
  const batches = fc.array(fc.array(fc.tuple(fc.nat(20), fc.nat(50)), { minLength: 1, maxLength: 4 }), {
    maxLength: 800,
  });
  fc.assert(
    fc.property(
      batches,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 60 }),
      (all, maxEvents, maxBytes) => {
        const index = new HistoryIndex({ maxEvents, maxBytes, maxAgeMs: 200 }, 1);
        let revision = 0;
        let time = 0;
        for (const batch of all) {
          add(index, ...batch.map(([bytes, step]) => head(++revision, bytes, time += step)));
          const held = index.since(0);
          assert.equal(held.length, index.size);
          assert.deepEqual(held.map((one) => one.revision), Array.from(held, (_, at) => index.oldest + at));
          assert.equal(held.at(-1)?.revision, revision);
          const bytes = held.reduce((sum, one) => sum + one.bytes, 0);
          assert.equal(bytes, index.bytes);
          assert.ok(held.length <= maxEvents);
          assert.ok(held.length === 1 || (bytes <= maxBytes && time - (held[0]?.timestamp_ms ?? 0) <= 200));
        }
      },
    ),
    { numRuns: 30 },
  );
});
