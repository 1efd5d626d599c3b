import assert from "node:assert/strict";
import fc from "fast-check";
import { applySteps, type ReloadTarget } from "./apply.ts";
import { planReload } from "./plan.ts";

/** Services that only note what is done to them; `broken` ones refuse to be defined. */
class NotingTarget implements ReloadTarget<string> {
  readonly done: string[] = [];
  batches = 0;

  add(definition: string): void {
    this.#define("add", definition);
  }

  replace(definition: string): void {
    this.#define("replace", definition);
  }

  remove(service_id: string): void {
    this.done.push(`remove ${service_id}`);
  }

  fault(): void {}

  batch(body: () => void): void {
    this.batches++;
    body();
  }

  #define(step: string, definition: string): void {
    if (definition === "broken") throw new Error("cannot be defined");
    this.done.push(`${step} ${definition}`);
  }
}

Deno.test("applySteps() removes first and does everything in one batch", () => {
  const target = new NotingTarget();
  const running = new Map([["old", "1"], ["same", "1"], ["changed", "1"]]);
  const wanted = new Map([["new", "new"], ["same", "1"], ["changed", "changed"]]);
  const { change, failed } = applySteps(planReload(running, wanted, (text) => text), target, (text) => text);
  assert.deepEqual(target.done, ["remove old", "add new", "replace changed"]);
  assert.deepEqual(change, { added: ["new"], replaced: ["changed"], removed: ["old"] });
  assert.deepEqual([failed, target.batches], [[], 1]);
});

Deno.test("applySteps() goes on after a step that failed and names it", () => {
  const target = new NotingTarget();
  const wanted = new Map([["a", "broken"], ["b", "b"]]);
  const { change, failed } = applySteps(planReload(new Map(), wanted, (text) => text), target, (text) => text);
  assert.deepEqual(change, { added: ["b"], replaced: [], removed: [] });
  assert.deepEqual(failed.map(({ id }) => id), ["a"]);
});

Deno.test("applySteps() touches exactly the services that differ", () => {
  const sets = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.constantFrom("1", "2", "3"));
  fc.assert(fc.property(sets, sets, (before, after) => {
    const target = new NotingTarget();
    const running = new Map(Object.entries(before));
    const steps = planReload(running, new Map(Object.entries(after)), (text) => text);
    const { change } = applySteps(steps, target, (text) => text);
    const ids = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    const differing = ids.filter((id) => before[id] !== after[id]).sort();
    assert.deepEqual([...change.added, ...change.replaced, ...change.removed].sort(), differing);
  }));
});
