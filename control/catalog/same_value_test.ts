import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalText } from "./canonical.ts";
import { sameValue } from "./same_value.ts";

/** The same value with the keys of its objects the other way round. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).reverse().map(([name, member]) => [name, reordered(member)]));
}

Deno.test("sameValue() says what the canonical texts say", () => {
  const small = fc.jsonValue({ depthSize: "small", maxDepth: 3 });
  fc.assert(fc.property(small, small, (one, other) => {
    assert.equal(sameValue(one, other), canonicalText(one) === canonicalText(other));
  }));
});

Deno.test("sameValue() does not look at the order of keys, and does at that of items", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => assert.ok(sameValue(value, reordered(value)))));
  assert.ok(!sameValue([1, 2], [2, 1]));
});

const different: readonly (readonly [unknown, unknown])[] = [
  [{ a: 1 }, { a: 1, b: 2 }],
  [{ a: 1, b: 2 }, { a: 1 }],
  [{ a: null }, {}],
  [[], {}],
  [{}, []],
  [[1], [1, 2]],
  [null, {}],
  [{ a: { b: [1, { c: 2 }] } }, { a: { b: [1, { c: 3 }] } }],
  [{ toString: 1 }, { valueOf: 1 }],
];
for (const [one, other] of different) {
  Deno.test(`sameValue() tells ${JSON.stringify(one)} from ${JSON.stringify(other)}`, () => {
    assert.ok(!sameValue(one, other));
  });
}

Deno.test("sameValue() reads an undefined member as an absent one, as JSON does", () => {
  assert.ok(sameValue({ a: undefined, b: 1 }, { b: 1 }));
  assert.ok(sameValue({ b: 1 }, { a: undefined, b: 1 }));
  assert.ok(!sameValue({ a: undefined }, { b: 1 }));
});
