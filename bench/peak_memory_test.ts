import assert from "node:assert/strict";
import { peakMemory } from "./peak_memory.ts";

/** Holds so many MiB for a moment, long enough to be seen. */
function holding(mebibytes: number): string[] {
  const code = `const held = new Uint8Array(${mebibytes} * 2 ** 20).fill(1); Atomics.wait(` +
    "new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50); console.log(held.length)";
  return ["eval", "--no-check", code];
}

Deno.test({
  name: "peakMemory() sees what a program holds",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const small = await peakMemory(Deno.execPath(), holding(1)) ?? NaN;
    const large = await peakMemory(Deno.execPath(), holding(101)) ?? NaN;
    assert.ok(large - small > 80 * 2 ** 20, `${small} and ${large} bytes`);
  },
});

Deno.test({
  name: "peakMemory() refuses a program that fails",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await assert.rejects(peakMemory(Deno.execPath(), ["eval", "--no-check", "Deno.exit(3)"]), /it ended with 3/);
  },
});
