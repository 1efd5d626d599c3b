/**
 * The JSON Schema of a manifest, made from the one zod schema.
 *
 * It is committed as schemas/manifest.v1.json, where editors find it and where
 * the linter's quick look reads it; `deno task generate` writes it and a test
 * holds the two equal.
 *
 * @module
 */

import { z } from "zod";
import { manifestSchema } from "./schema.ts";

/** Text of schemas/manifest.v1.json. */
export function manifestJsonSchema(): string {
  const { $schema, ...rest } = z.toJSONSchema(manifestSchema, { io: "input" });
  const head = { $schema, $id: "urn:zss:manifest:v1", title: "zss service manifest" };
  return JSON.stringify({ ...head, ...rest }, null, 2) + "\n";
}
