import assert from "node:assert/strict";
import { listIn, objectIn, timeText } from "./answer.ts";

Deno.test("listIn() and objectIn() take what is there and nothing of another kind", () => {
  assert.deepEqual(listIn({ nodes: [{ a: 1 }, 2, null, []] }, "nodes"), [{ a: 1 }]);
  for (const answer of [{}, { nodes: {} }, null, "nodes"]) assert.deepEqual(listIn(answer, "nodes"), []);
  assert.deepEqual([objectIn({ a: { b: 1 } }, "a"), objectIn({ a: [] }, "a"), objectIn({}, "a")], [{ b: 1 }, {}, {}]);
});

Deno.test("timeText() writes a time, and a hyphen for none", () => {
  assert.deepEqual([timeText(0), timeText(null), timeText(undefined)], ["1970-01-01T00:00:00.000Z", "-", "-"]);
});
