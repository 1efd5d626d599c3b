import assert from "node:assert/strict";
import { outputText } from "./output_text.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("outputText() says nothing more of a text that is whole", () => {
  assert.deepEqual(outputText(bytes("\ufeffgrün ✓\n"), bytes("\ufeffgrün ✓\n").length), { text: "\ufeffgrün ✓\n" });
});

Deno.test("outputText() marks what was cut, and leaves out a character that the limit cut in two", () => {
  const whole = bytes("aé✓😀");
  for (const [kept, text] of [[1, "a"], [2, "a"], [3, "aé"], [5, "aé"], [6, "aé✓"], [9, "aé✓"]] as const) {
    assert.deepEqual(outputText(whole.subarray(0, kept), whole.length), { text, total_bytes: whole.length });
  }
});

Deno.test("outputText() keeps the bytes of what is no UTF-8", () => {
  const kept = new Uint8Array([0x61, 0xff, 0x62]);
  assert.deepEqual(outputText(kept, 3), { text: "a\ufffdb", b64: "Yf9i" });
  assert.deepEqual(outputText(kept, 9), { text: "a\ufffdb", b64: "Yf9i", total_bytes: 9 });
});

Deno.test("outputText() shows half a character when the program itself stopped there", () => {
  assert.equal(outputText(bytes("é").subarray(0, 1), 1).text, "\ufffd");
});
