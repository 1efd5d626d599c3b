import { isObject } from "../../../control/protocol/envelope.ts";
import type { JsonObject, ManifestRule, RuleContext, RuleFinding, ValuePath } from "../rule.ts";
import { objectAt, pathName } from "./_values.ts";

/** A template, or a probe, that the schema of its own manifest does not accept. */
export const templateRefused: ManifestRule = {
  id: "template-refused",
  severity: "error",
  reason:
    "`invoke_template` is what people and agents start from, and `runtime.probe.payload` is what the node tries, so " +
    "each has to be a call that `schema.input` accepts.",
  check(manifest, context) {
    const { input } = objectAt(manifest, "schema");
    if (!isObject(input)) return [];
    const probe = objectAt(objectAt(manifest, "runtime"), "probe");
    return [
      ...refused(context, input, manifest["invoke_template"], ["invoke_template"], "template"),
      ...refused(context, input, probe["payload"], ["runtime", "probe", "payload"], "probe"),
    ];
  },
};

function refused(context: RuleContext, input: JsonObject, call: unknown, at: ValuePath, what: string): RuleFinding[] {
  if (!isObject(call)) return [];
  return context.refusals(input, call).map(({ path, message }) => ({
    path: [...at, ...path],
    message: `${pathName([...at, ...path])} is refused by schema.input: ${message}`,
    hint: `correct the ${what} or the schema`,
  }));
}
