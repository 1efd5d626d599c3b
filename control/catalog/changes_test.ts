import assert from "node:assert/strict";
import fc from "fast-check";
import { changedLeaves } from "./changes.ts";

Deno.test("changedLeaves() names each leaf that differs, with both sides", () => {
  const before = { state: "online", version: "1", endpoints: ["/a"], mounts: [{ mount_id: "m", state: "online" }] };
  const after = {
    state: "degraded",
    endpoints: ["/a", "/b"],
    mounts: [{ mount_id: "m", state: "degraded" }],
    help_md: "x",
  };
  assert.deepEqual(changedLeaves(before, after), [
    { path: "/state", from: "online", to: "degraded" },
    { path: "/version", from: "1" },
    { path: "/endpoints/1", to: "/b" },
    { path: "/mounts/0/state", from: "online", to: "degraded" },
    { path: "/help_md", to: "x" },
  ]);
});

Deno.test("changedLeaves() escapes names, and shows another kind of value whole", () => {
  assert.deepEqual(changedLeaves({ "a/b~": 1 }, { "a/b~": [1] }), [{ path: "/a~1b~0", from: 1, to: [1] }]);
  assert.deepEqual(changedLeaves({ a: [] }, { a: {} }), [{ path: "/a", from: [], to: {} }]);
});

Deno.test("changedLeaves() finds nothing exactly in what is equal", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
    const copy = JSON.parse(JSON.stringify(one));
    assert.deepEqual(changedLeaves(one, copy), []);
    let isEqual = true;
    try {
      assert.deepEqual(copy, JSON.parse(JSON.stringify(other)));
    } catch {
      isEqual = false;
    }
    assert.equal(changedLeaves(copy, JSON.parse(JSON.stringify(other))).length === 0, isEqual);
  }));
});
