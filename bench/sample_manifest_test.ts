import assert from "node:assert/strict";
import { DEFAULT_NODE_ID, readManifest } from "../runtime/manifest/mod.ts";
import { sampleManifest } from "./sample_manifest.ts";

const SAMPLES = Array.from({ length: 200 }, (_, index) => sampleManifest(index));

Deno.test("sampleManifest() writes what the linter has nothing to say about", () => {
  for (const text of SAMPLES) {
    assert.deepEqual(readManifest({ file: "sample.json", text, nodeId: DEFAULT_NODE_ID }).findings, []);
  }
});

Deno.test("sampleManifest() writes about 1 KB, different for each number", () => {
  const bytes = SAMPLES.map((text) => new TextEncoder().encode(text).length);
  assert.ok(Math.min(...bytes) > 850 && Math.max(...bytes) < 1150, `${Math.min(...bytes)} to ${Math.max(...bytes)}`);
  assert.equal(new Set(SAMPLES).size, SAMPLES.length);
});

Deno.test("sampleManifest() refuses a number that stands for no sample", () => {
  assert.throws(() => sampleManifest(-1), RangeError);
  assert.throws(() => sampleManifest(0.5), RangeError);
});
