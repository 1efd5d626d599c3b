import { isObject } from "../../../control/protocol/envelope.ts";
import type { ManifestRule } from "../rule.ts";
import { objectAt, pathName } from "./_values.ts";

/** A template that its own schema does not accept. */
export const templateRefused: ManifestRule = {
  id: "template-refused",
  severity: "error",
  reason: "`invoke_template` is what people and agents start from, so it has to be a call that `schema.input` accepts.",
  check(manifest, context) {
    const { input } = objectAt(manifest, "schema");
    const { invoke_template: template } = manifest;
    if (!isObject(input) || !isObject(template)) return [];
    return context.refusals(input, template).map(({ path, message }) => ({
      path: ["invoke_template", ...path],
      message: `${pathName(["invoke_template", ...path])} is refused by schema.input: ${message}`,
      hint: "correct the template or the schema",
    }));
  },
};
