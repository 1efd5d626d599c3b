import { buildCommand } from "@stricli/core";
import type { FieldExplanation } from "../../runtime/manifest/mod.ts";
import { usageError } from "../errors.ts";
import { nonEmpty } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { printResult } from "../render/mod.ts";

/** `zss manifest explain` */
export const command = buildCommand<Record<never, never>, [string?], CliContext>({
  docs: helpPage(`Say what a member of a manifest, or a rule of the linter, is for.

Without a topic, lists the members at the root of a manifest.

Examples:
  $ zss manifest explain runtime.timeout_ms
  $ zss manifest explain mounts.mount_path
  $ zss manifest explain mount-overlap`),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{
        parse: nonEmpty,
        brief: "a member such as runtime.env, or a rule",
        placeholder: "topic",
        optional: true,
      }],
    },
  },
  async func(_flags, topic) {
    const { allRules, explainField, nearestTopic, rootMembers } = await import("../../runtime/manifest/mod.ts");
    if (topic === undefined) {
      const fields = rootMembers().flatMap((name) => explainField(name) ?? []);
      const rows = fields.map(({ field, description, required }) => [field, required ? "required" : "", description]);
      return await printResult(this, {
        value: { fields },
        table: { columns: ["MEMBER", "", "MEANING"], rows, empty: "" },
        names: fields.map(({ field }) => field),
      });
    }
    const rule = allRules.find(({ id }) => id === topic);
    if (rule !== undefined) {
      const { id, severity, reason, fixable = false } = rule;
      return await printResult(this, {
        value: { rule: id, severity, fixable, reason },
        table: [`${id}: ${severity}${fixable ? ", mended by --fix" : ""}`, `  ${reason.replaceAll("`", "")}`],
        names: [id],
      });
    }
    const field = explainField(topic);
    if (field === undefined) {
      const meant = nearestTopic(topic);
      throw usageError(
        `Cannot explain "${topic}": it is neither a member of a manifest nor a rule`,
        meant === undefined ? "zss manifest explain lists the members" : `did you mean ${meant}?`,
      );
    }
    await printResult(this, { value: field, table: fieldLines(field), names: [field.field] });
  },
});

function fieldLines(field: FieldExplanation): string[] {
  const { default: fallback } = field;
  return [
    `${field.field}: ${field.type}${field.required ? ", required" : ""}`,
    ...(field.description === "" ? [] : [`  ${field.description}`]),
    ...(fallback === undefined ? [] : [`  default: ${JSON.stringify(fallback)}`]),
    ...(field.limits.length === 0 ? [] : [`  limits: ${field.limits.join(", ")}`]),
    ...(field.runtimes === undefined ? [] : [`  runtimes: ${field.runtimes.join(", ")}`]),
    ...(field.members.length === 0 ? [] : [`  members: ${field.members.join(", ")}`]),
  ];
}
