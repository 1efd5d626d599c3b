import assert from "node:assert/strict";
import { sizeText } from "./sizes.ts";

Deno.test("sizeText() takes the unit that leaves few digits", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0 B"],
    [1_023, "1023 B"],
    [1_536, "1.5 KiB"],
    [10 * 1_048_576, "10.0 MiB"],
    [640 * 1_048_576, "640 MiB"],
    [3 * 2 ** 50, "3072 TiB"],
  ];
  for (const [bytes, text] of cases) assert.equal(sizeText(bytes), text);
});
