/**
 * What is made from the code is what is committed: the schema, and the pages
 * whose every example is run to make them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { GENERATED_FILES } from "../scripts/generate.ts";

for (const [path, make] of Object.entries(GENERATED_FILES)) {
  Deno.test(`${path} is what deno task generate writes`, async () => {
    assert.equal(readFileSync(new URL(`../${path}`, import.meta.url), "utf8"), await make());
  });
}
