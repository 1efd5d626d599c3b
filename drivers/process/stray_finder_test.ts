import assert from "node:assert/strict";
import { ManualClock } from "./manual_clock.ts";
import { currentOs, type Os, type Stray } from "./os.ts";
import { StrayFinder } from "./stray_finder.ts";

function parts() {
  const clock = new ManualClock();
  const carriers = new Map<string, readonly Stray[]>();
  const looks: number[] = [];
  const os: Os = {
    ...currentOs,
    carriersOf: () => {
      looks.push(clock.monotonic());
      return carriers;
    },
  };
  return { clock, carriers, looks, finder: new StrayFinder(clock, os) };
}

Deno.test("StrayFinder answers all that ask within a moment with one look, and looks once a second at most", async () => {
  const { clock, carriers, looks, finder } = parts();
  const daemon = { pid: 7, name: "daemon" };
  carriers.set("b", [daemon]);
  const began = clock.monotonic();
  const first = ["a", "b", "c"].map((mark) => finder.find(mark, finder));
  clock.advance(100);
  assert.deepEqual(await Promise.all(first), [[], [daemon], []]);
  carriers.set("d", [daemon]);
  const second = finder.find("d", finder);
  clock.advance(999);
  assert.deepEqual(looks.map((at) => at - began), [100]);
  clock.advance(1);
  assert.deepEqual(await second, [daemon]);
  assert.deepEqual(looks.map((at) => at - began), [100, 1_100]);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("StrayFinder.forget() answers one owner with nothing, and looks no more when nobody else asks", async () => {
  const { clock, looks, finder } = parts();
  const [one, other] = [{}, {}];
  const [mine, theirs] = [finder.find("a", one), finder.find("b", other)];
  finder.forget(one);
  assert.deepEqual([await mine, clock.pendingTimers], [[], 1]);
  finder.forget(other);
  assert.deepEqual([await theirs, clock.pendingTimers, looks], [[], 0, []]);
});
