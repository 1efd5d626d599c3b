import assert from "node:assert/strict";
import { fingerprint } from "./fingerprint.ts";

Deno.test("fingerprint() is the same for keys in another order and differs for any member", () => {
  const one = fingerprint({ service_id: "a", runtime: { type: "wasm", args: ["x"] }, invoke_template: {} });
  assert.equal(fingerprint({ invoke_template: {}, runtime: { args: ["x"], type: "wasm" }, service_id: "a" }), one);
  assert.notEqual(fingerprint({ service_id: "a", runtime: { type: "wasm", args: ["x"] } }), one);
  assert.notEqual(
    fingerprint({ service_id: "a", runtime: { type: "wasm", args: ["x"] }, invoke_template: { q: 1 } }),
    one,
  );
});
