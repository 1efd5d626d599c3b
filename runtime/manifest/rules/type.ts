import type { IssueRule } from "../issue_rule.ts";
import { pathName, shown } from "./_values.ts";

const WORDS: Readonly<Record<string, string>> = {
  string: "text",
  boolean: "true or false",
  int: "a whole number",
  // No member of a manifest takes a fraction.
  number: "a whole number",
  array: "an array",
  object: "an object",
  record: "an object",
};

/** Values of another kind than the member has. */
export const type: IssueRule = {
  id: "type",
  severity: "error",
  reason: "Every member has one kind of value; zss never turns one kind into another.",
  describe({ issue, path, value }) {
    if (issue.code === "invalid_union" && issue.errors.length > 0) {
      return { path, message: `${pathName(path)} ${issue.message}: current value is ${shown(value)}` };
    }
    if (issue.code !== "invalid_type") return undefined;
    const wanted = WORDS[issue.expected] ?? issue.expected;
    if (path.length === 0) return { path, message: `a manifest must be an object: current value is ${shown(value)}` };
    return { path, message: `${pathName(path)} must be ${wanted}: current value is ${shown(value)}` };
  },
};
