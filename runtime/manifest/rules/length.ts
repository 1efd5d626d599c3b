import { utf8Length } from "../../../control/protocol/ids.ts";
import type { IssueRule } from "../issue_rule.ts";
import { pathName } from "./_values.ts";

/** Texts that are empty or too long. */
export const length: IssueRule = {
  id: "length",
  severity: "error",
  reason: "Texts must not be empty, and have limits so that a catalog entry stays small.",
  describe({ issue, path, value }) {
    if (typeof value !== "string") return undefined;
    const isLimit = issue.code === "too_small" || issue.code === "too_big" || issue.code === "custom";
    if (!isLimit || (issue.code === "custom" && issue.params?.["rule"] !== undefined)) return undefined;
    const found = value === "" ? "it is empty" : `it has ${utf8Length(value)} bytes`;
    return { path, message: `${pathName(path)} ${issue.message}: ${found}` };
  },
};
