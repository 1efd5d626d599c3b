import type { IssueRule, SchemaIssue } from "../issue_rule.ts";
import { nearest } from "../nearest.ts";
import { listed, pathName, shown } from "./_values.ts";

/** Values that are none of a few. */
export const value: IssueRule = {
  id: "value",
  severity: "error",
  reason: "Some members take one of a few words only, such as `runtime.type`.",
  describe({ issue, path, value }) {
    const allowed = allowedBy(issue);
    if (allowed === undefined) return undefined;
    const meant = typeof value === "string" ? nearest(value, allowed.map(String)) : undefined;
    return {
      path,
      message: `${pathName(path)} must be ${listed(allowed, "or")}: current value is ${shown(value)}`,
      ...(meant === undefined ? {} : { hint: `did you mean "${meant}"?` }),
    };
  },
};

function allowedBy(issue: SchemaIssue["issue"]): readonly unknown[] | undefined {
  if (issue.code === "invalid_value") return issue.values;
  // A union that is told apart by one member lists what that member may be.
  if (issue.code !== "invalid_union" || issue.errors.length > 0 || !("options" in issue)) return undefined;
  return Array.isArray(issue.options) ? issue.options.filter((option) => option !== undefined) : undefined;
}
