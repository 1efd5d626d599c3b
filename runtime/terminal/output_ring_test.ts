import assert from "node:assert/strict";
import { OutputRing } from "./output_ring.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("OutputRing reads across its pieces from any offset", () => {
  const ring = new OutputRing(100);
  for (const piece of ["abc", "", "defg", "h"]) ring.append(bytes(piece));
  for (let offset = 0; offset <= 8; offset++) {
    for (let length = 0; length <= 9; length++) {
      assert.equal(text(ring.read(offset, length)), "abcdefgh".slice(offset, offset + length));
    }
  }
});

Deno.test("OutputRing drops whole pieces and keeps at least its capacity", () => {
  const ring = new OutputRing(5);
  for (const piece of ["abc", "def", "ghi"]) ring.append(bytes(piece));
  assert.deepEqual([ring.start, ring.end], [3, 9]);
  assert.equal(text(ring.read(3, 100)), "defghi");
  ring.append(bytes("0123456789"));
  assert.deepEqual([ring.start, text(ring.read(ring.start, 100))], [9, "0123456789"]);
});
