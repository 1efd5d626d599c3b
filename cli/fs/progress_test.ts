import assert from "node:assert/strict";
import { ManualClock } from "../../drivers/process/manual_clock.ts";
import { ProgressLine, progressLine } from "./progress.ts";

Deno.test("progressLine() draws the share that is done, and says how fast it goes", () => {
  assert.equal(
    progressLine({ name: "a.bin", done: 5_242_880, total: 10_485_760, elapsedMs: 2_000 }),
    "████████████░░░░░░░░░░░░  50%  5.0 MiB of 10.0 MiB  2.5 MiB/s  a.bin",
  );
  assert.match(
    progressLine({ name: "e\u001b[2J", done: 0, total: 0, elapsedMs: 0 }),
    /^█{24} 100% {2}0 B of 0 B {2}e\\u001b\[2J$/,
  );
});

Deno.test("ProgressLine draws ten times a second at most, and only where a person looks", () => {
  const clock = new ManualClock();
  const written: string[] = [];
  const stream = { isTerminal: true, write: (text: string) => void written.push(text) };
  const line = new ProgressLine(stream, clock);
  line.begin();
  line.show("a", 1, 2);
  line.show("a", 2, 2);
  assert.equal(written.length, 1);
  clock.advance(100);
  line.show("a", 2, 2);
  line.clear();
  line.clear();
  assert.deepEqual([written.length, written.at(-1)], [3, "\r\u001b[2K"]);
  const silent = new ProgressLine({ ...stream, isTerminal: false }, clock);
  silent.show("a", 1, 2);
  silent.clear();
  assert.equal(written.length, 3);
});
