/**
 * The JSON Schema of a manifest, for rules that need to know its members.
 *
 * @module
 */

import schema from "../../../schemas/manifest.v1.json" with { type: "json" };
import type { JsonObject } from "../rule.ts";

/** The schema as it is committed. */
export const manifestJson: JsonObject = schema;

/** The members of a runtime, by its type. */
export const runtimeBranches: ReadonlyMap<unknown, JsonObject> = new Map<unknown, JsonObject>(
  schema.properties.runtime.oneOf.map((branch) => [branch.properties.type.const, branch]),
);
