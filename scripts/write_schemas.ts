/**
 * Writes the schemas that are committed: `deno task schema`.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { manifestJsonSchema } from "../runtime/manifest/json_schema.ts";

if (import.meta.main) {
  writeFileSync(new URL("../schemas/manifest.v1.json", import.meta.url), manifestJsonSchema());
}
