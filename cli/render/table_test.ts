import assert from "node:assert/strict";
import { cleanText, isPlain, tableText } from "./table.ts";

Deno.test("tableText() aligns columns and leaves nothing behind the last one", () => {
  const text = tableText({ columns: ["NODE", "STATE"], rows: [["node-1", "online"], ["n", "-"]], empty: "(no nodes)" });
  assert.equal(text, "NODE    STATE\nnode-1  online\nn       -\n");
});

Deno.test("tableText() says so when there are no rows", () => {
  assert.equal(tableText({ columns: ["NODE"], rows: [], empty: "(no nodes)" }), "(no nodes)\n");
});

Deno.test("tableText() keeps a row in one line, whatever a cell holds", () => {
  const text = tableText({ columns: ["NODE", "STATE"], rows: [["a\nnode-2  online\u001b[A", "-"]], empty: "" });
  assert.equal(text, "NODE                       STATE\na\\nnode-2  online\\u001b[A  -\n");
});

Deno.test("cleanText() writes what would move the cursor, forge a line or turn the text around as JSON does", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["a\u001b[31mred\u0007\u009b0m\r\nb\tc\u007f", "a\\u001b[31mred\\u0007\\u009b0m\\r\\nb\\tc\\u007f"],
    ["gpj\u202eexe\u2028", "gpj\\u202eexe\\u2028"],
    ["half \ud83d one", "half \\ud83d one"],
    ["C:\\new ä→\u{1f600} שלום", "C:\\new ä→\u{1f600} שלום"],
  ];
  for (const [text, shown] of cases) {
    assert.equal(cleanText(text), shown);
    assert.equal(isPlain(text), text === shown);
  }
});

Deno.test("cleanText() keeps the value of JSON", () => {
  const json = JSON.stringify({ name: "a\n\u001b\u009b\u202e" });
  assert.ok(!isPlain(json));
  assert.deepEqual(JSON.parse(cleanText(json)), JSON.parse(json));
});
