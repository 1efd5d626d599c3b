import assert from "node:assert/strict";
import fc from "fast-check";
import { backoffMs } from "./backoff.ts";

Deno.test("backoffMs() doubles up to the longest wait", () => {
  const bounds = { baseMs: 5_000, maxMs: 60_000 };
  assert.deepEqual([0, 1, 2, 3, 4, 5].map((attempt) => backoffMs(attempt, bounds, 0)), [
    5_000,
    10_000,
    20_000,
    40_000,
    60_000,
    60_000,
  ]);
});

Deno.test("backoffMs() stays within a fifth below the full wait and never is zero", () => {
  fc.assert(
    fc.property(
      fc.nat(10_000),
      fc.nat(5_000),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, base, random) => {
        const bounds = { baseMs: base, maxMs: 60_000 };
        const full = backoffMs(attempt, bounds, 0);
        const wait = backoffMs(attempt, bounds, random);
        assert.ok(wait >= 1 && wait <= full && wait >= Math.floor(full * 0.8));
      },
    ),
  );
});
