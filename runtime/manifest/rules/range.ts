import type { IssueRule } from "../issue_rule.ts";
import { pathName, shown } from "./_values.ts";

/** Numbers outside of their limits. */
export const range: IssueRule = {
  id: "range",
  severity: "error",
  reason: "Every number has a least and a greatest value; docs/manifest.md lists them.",
  describe({ issue, path, value }) {
    if (issue.code !== "too_small" && issue.code !== "too_big") return undefined;
    if (issue.origin === "string" || issue.origin === "array") return undefined;
    const wanted = issue.code === "too_small" ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
    return { path, message: `${pathName(path)} must be ${wanted}: current value is ${shown(value)}` };
  },
};
