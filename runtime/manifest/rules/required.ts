import type { IssueRule } from "../issue_rule.ts";
import { pathName } from "./_values.ts";

/** Members that must be there. */
export const required: IssueRule = {
  id: "required",
  severity: "error",
  reason: "`service_id` and `kind` have no default, nor has what names a mount.",
  describe({ path, value }) {
    if (value !== undefined || path.length === 0) return undefined;
    return { path, message: `${pathName(path)} is required and missing` };
  },
};
