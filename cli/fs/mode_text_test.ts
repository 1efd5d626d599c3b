import assert from "node:assert/strict";
import { modeText } from "./mode_text.ts";

Deno.test("modeText() writes type and permissions", () => {
  assert.deepEqual([0o040755, 0o100644, 0o120777, 0o100000, 0].map(modeText), [
    "drwxr-xr-x",
    "-rw-r--r--",
    "lrwxrwxrwx",
    "----------",
    "?---------",
  ]);
});
