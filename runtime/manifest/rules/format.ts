import type { IssueRule, SchemaIssue } from "../issue_rule.ts";
import { pathName, shown } from "./_values.ts";

/** Texts with characters that do not belong there. */
export const format: IssueRule = {
  id: "format",
  severity: "error",
  reason: "Some texts have a form: a digest, a relative path, the name of a variable or of a function.",
  describe(found) {
    const key = keyIssue(found);
    const { path } = found;
    if (key !== undefined) {
      return { path, at: "key", message: `the name ${shown(path.at(-1))} in ${pathName(path.slice(0, -1))} ${key}` };
    }
    if (found.issue.code !== "invalid_format") return undefined;
    // What programs get may be a secret; a finding goes to logs.
    const current = path.includes("env") ? "" : `: current value is ${shown(found.value)}`;
    return { path, message: `${pathName(path)} ${found.issue.message}${current}` };
  },
};

function keyIssue({ issue }: SchemaIssue): string | undefined {
  return issue.code === "invalid_key" ? issue.issues[0]?.message ?? "is not allowed" : undefined;
}
