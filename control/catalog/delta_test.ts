import assert from "node:assert/strict";
import fc from "fast-check";
import { diffCatalogs } from "./delta.ts";

const entry = (service_id: string, hash: string, version = "1") => ({ service_id, version, hash });
const catalogs = fc.uniqueArray(
  fc.record({
    service_id: fc.constantFrom(..."abcdef"),
    version: fc.constant("1"),
    hash: fc.constantFrom("1", "2", "3"),
  }),
  {
    selector: ({ service_id }) => service_id,
  },
);

Deno.test("diffCatalogs() lists what was added, updated and removed, sorted by id", () => {
  const delta = diffCatalogs([entry("b", "1"), entry("a", "1"), entry("z", "1")], [
    entry("d", "1"),
    entry("b", "2", "2"),
    entry("c", "1"),
    entry("a", "1"),
  ], 7);
  assert.deepEqual(delta, {
    changed: true,
    timestamp_ms: 7,
    added: [entry("c", "1"), entry("d", "1")],
    updated: [{ ...entry("b", "2", "2"), previous_version: "1", previous_hash: "1" }],
    removed: [entry("z", "1")],
  });
});

Deno.test("diffCatalogs() reports no change when only the order differs", () => {
  fc.assert(fc.property(catalogs, (catalog) => {
    assert.equal(diffCatalogs(catalog, catalog.toReversed(), 1).changed, false);
  }));
});

Deno.test("diffCatalogs() leads from any catalog to any other", () => {
  fc.assert(fc.property(catalogs, catalogs, (held, published) => {
    const { added, updated, removed, changed } = diffCatalogs(held, published, 1);
    const result = new Map<string, string>(held.map(({ service_id, hash }) => [service_id, hash]));
    for (const { service_id } of removed) result.delete(service_id);
    for (const { service_id, hash } of [...added, ...updated]) result.set(service_id, hash);
    assert.deepEqual([...result].sort(), published.map(({ service_id, hash }) => [service_id, hash]).sort());
    assert.equal(changed, added.length + updated.length + removed.length > 0);
  }));
});

Deno.test("diffCatalogs() refuses a catalog that holds one service_id twice", () => {
  assert.throws(() => diffCatalogs([], [entry("a", "1"), entry("a", "2")], 1), RangeError);
  assert.throws(() => diffCatalogs([entry("a", "1"), entry("a", "2")], [], 1), RangeError);
});
