import { isReservedVariable } from "../../../drivers/process/reserved_variables.ts";
import type { ManifestRule } from "../rule.ts";
import { objectAt } from "./_values.ts";

/** Variables that no manifest sets. */
export const reservedVariable: ManifestRule = {
  id: "reserved-variable",
  severity: "error",
  reason:
    "`runtime.env` must not hold the variables that zss keeps for itself: they carry tokens, or make a process a " +
    "helper of zss.",
  check: (manifest) =>
    Object.keys(objectAt(objectAt(manifest, "runtime"), "env")).filter(isReservedVariable).map((name) => ({
      path: ["runtime", "env", name],
      at: "key" as const,
      message: `runtime.env must not hold ${JSON.stringify(name)}: zss keeps this variable for itself`,
      hint: "remove it; a driver never needs a token of the node",
    })),
};
