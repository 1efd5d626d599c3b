import assert from "node:assert/strict";
import fc from "fast-check";
import { planReload } from "./plan.ts";

const sets = fc.dictionary(fc.constantFrom("a", "b", "c", "d", "e"), fc.constantFrom("1", "2"));

Deno.test("planReload() turns what runs into what is wanted", () => {
  fc.assert(fc.property(sets, sets, (before, after) => {
    const running = new Map(Object.entries(before));
    for (const step of planReload(running, new Map(Object.entries(after)), (text) => text)) {
      if (step.type === "remove") running.delete(step.id);
      else running.set(step.id, step.wanted);
    }
    assert.deepEqual(Object.fromEntries(running), { ...after });
  }));
});

Deno.test("planReload() does nothing for services that are the same, in whatever order", () => {
  fc.assert(fc.property(sets, (services) => {
    const running = new Map(Object.entries(services));
    const wanted = new Map([...running].reverse());
    assert.deepEqual(planReload(running, wanted, (text) => text), []);
  }));
});

Deno.test("planReload() keeps a service whose file is damaged now", () => {
  assert.deepEqual(planReload(new Map([["a", "1"]]), new Map<string, string>(), (text) => text, new Set(["a"])), []);
});
