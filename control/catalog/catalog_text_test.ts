import assert from "node:assert/strict";
import fc from "fast-check";
import { catalogText, withMember } from "./catalog_text.ts";

Deno.test("catalogText() writes what JSON.stringify() writes, the first time and the second", () => {
  const holder = fc.record({ node_id: fc.string(), services: fc.array(fc.jsonValue()), more: fc.jsonValue() });
  fc.assert(fc.property(holder, (value) => {
    const text = JSON.stringify(value);
    assert.equal(catalogText(value), text);
    assert.equal(catalogText(value), text);
    assert.equal(catalogText({ ...value, more: 1 }), JSON.stringify({ ...value, more: 1 }));
  }));
});

Deno.test("catalogText() leaves out what is undefined", () => {
  assert.equal(catalogText({ a: undefined, b: 1 }), '{"b":1}');
});

Deno.test("withMember() adds a member behind the others", () => {
  assert.equal(withMember("{}", "a", 1), '{"a":1}');
  assert.equal(withMember('{"a":1}', "b", { c: 2 }), '{"a":1,"b":{"c":2}}');
});
