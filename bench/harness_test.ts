import assert from "node:assert/strict";
import { type Bench, compare, formatReport, median, runBench } from "./harness.ts";

/** A contender that yields the given values, one per turn. */
function scripted(name: string, values: readonly number[], turns: string[] = []) {
  let next = 0;
  return {
    name,
    measure: () => {
      turns.push(name);
      return Promise.resolve(values[next++] ?? NaN);
    },
  };
}

Deno.test("median() takes the middle value, or the mean of the two in the middle", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(median([7]), 7);
  assert.throws(() => median([]), RangeError);
});

Deno.test("compare() gives each contender its ratio to the peer", () => {
  const results = compare(new Map([["peer", [10, 20, 30]], ["ours", [5, 10, 90]]]), "peer");
  assert.deepEqual(results.map(({ name, ratio }) => [name, ratio]), [["peer", 1], ["ours", 0.5]]);
  assert.deepEqual([results[1]?.min, results[1]?.max], [5, 90]);
  assert.throws(() => compare(new Map([["ours", [1]]]), "peer"), RangeError);
});

Deno.test("compare() takes the peer that a contender names before that of the field", () => {
  const samples = new Map([["script", [10]], ["ours", [20]], ["binary", [30]], ["our binary", [90]], ["lone", [7]]]);
  const results = compare(samples, "script", [
    { name: "ours" },
    { name: "binary", peer: "binary" },
    { name: "our binary", peer: "binary" },
    { name: "lone", peer: "lone" },
  ]);
  assert.deepEqual(results.map(({ peer, ratio }) => [peer, ratio]), [
    ["script", 1],
    ["script", 2],
    ["binary", 1],
    ["binary", 3],
    ["lone", 1],
  ]);
  assert.throws(() => compare(samples, "script", [{ name: "ours", peer: "absent" }]), RangeError);
});

Deno.test("runBench() lets contenders take turns and does not count the first", async () => {
  const turns: string[] = [];
  const bench: Bench = {
    name: "b",
    unit: "ms",
    rounds: 2,
    prepare: () =>
      Promise.resolve({
        peer: "p",
        contenders: [scripted("p", [100, 2, 2], turns), scripted("z", [500, 1, 3], turns)],
      }),
  };
  const report = await runBench(bench);
  assert.deepEqual(turns, ["p", "z", "p", "z", "p", "z"]);
  assert.deepEqual(report.results.map(({ median, max }) => [median, max]), [[2, 2], [2, 3]]);
});

Deno.test("runBench() compares a contender with the peer that it names", async () => {
  const bench: Bench = {
    name: "b",
    unit: "ms",
    rounds: 1,
    prepare: () =>
      Promise.resolve({
        peer: "p",
        contenders: [scripted("p", [1, 2]), scripted("q", [1, 4]), { ...scripted("z", [1, 8]), peer: "q" }],
      }),
  };
  const { results } = await runBench(bench);
  assert.deepEqual(results.map(({ name, peer, ratio }) => [name, peer, ratio]), [
    ["p", "p", 1],
    ["q", "p", 2],
    ["z", "q", 2],
  ]);
});

Deno.test("runBench() says why nothing was measured", async () => {
  const report = await runBench({ name: "b", unit: "ms", rounds: 3, prepare: () => Promise.resolve("no program yet") });
  assert.equal(report.left_out, "no program yet");
  assert.equal(formatReport(report), "b (ms, median of 3)\n  left out: no program yet\n");
});

Deno.test("runBench() cleans up after a contender that failed", async () => {
  let cleaned = 0;
  const bench: Bench = {
    name: "b",
    unit: "ms",
    rounds: 1,
    prepare: () =>
      Promise.resolve({
        peer: "p",
        contenders: [{ name: "p", measure: () => Promise.reject(new Error("Cannot start")) }],
      }),
    cleanUp: () => Promise.resolve(void cleaned++),
  };
  await assert.rejects(runBench(bench), /Cannot start/);
  assert.equal(cleaned, 1);
});

Deno.test("formatReport() aligns names to the left and figures to the right", () => {
  const results = compare(new Map([["deno run", [16]], ["zss version", [1234.5, 1234.5]]]), "deno run");
  const report = { bench: "cold start", unit: "ms", rounds: 2, peer: "deno run", results, notes: ["no node"] } as const;
  assert.equal(
    formatReport(report),
    [
      "cold start (ms, median of 2)",
      "               median   min   max  to deno run",
      "  deno run       16.0  16.0  16.0            -",
      "  zss version    1235  1235  1235       77.16x",
      "  note: no node",
      "",
    ].join("\n"),
  );
});

Deno.test("formatReport() says whom a ratio is to when there are several peers", () => {
  const samples = new Map([["script", [16]], ["ours", [32]], ["binary", [8]], ["our binary", [12]]]);
  const own = [{ name: "binary", peer: "binary" }, { name: "our binary", peer: "binary" }];
  const results = compare(samples, "script", own);
  assert.equal(
    formatReport({ bench: "one", unit: "ms", rounds: 1, peer: "script", results, notes: [] }),
    [
      "one (ms, median of 1)",
      "              median   min   max  ratio  to",
      "  script        16.0  16.0  16.0      -",
      "  ours          32.0  32.0  32.0  2.00x  script",
      "  binary        8.00  8.00  8.00      -",
      "  our binary    12.0  12.0  12.0  1.50x  binary",
      "",
    ].join("\n"),
  );
});
