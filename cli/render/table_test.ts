import assert from "node:assert/strict";
import { cleanText, tableText } from "./table.ts";

Deno.test("tableText() aligns columns and leaves nothing behind the last one", () => {
  const text = tableText({ columns: ["NODE", "STATE"], rows: [["node-1", "online"], ["n", "-"]], empty: "(no nodes)" });
  assert.equal(text, "NODE    STATE\nnode-1  online\nn       -\n");
});

Deno.test("tableText() says so when there are no rows", () => {
  assert.equal(tableText({ columns: ["NODE"], rows: [], empty: "(no nodes)" }), "(no nodes)\n");
});

Deno.test("cleanText() takes out what would move the cursor or colour the terminal", () => {
  assert.equal(cleanText("a\u001b[31mred\u0007\u009b0m\r\nb\tc"), "a[31mred0m\nb\tc");
});
