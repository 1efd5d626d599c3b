import { utf8Length } from "../../../control/protocol/ids.ts";
import type { IssueRule } from "../issue_rule.ts";
import { pathName } from "./_values.ts";

/** Help that is a book. */
export const helpTooLong: IssueRule = {
  id: "help-too-long",
  severity: "error",
  reason: "`help_md` has at most 65,536 bytes: every watcher of the catalog gets it.",
  describe({ issue, path, value }) {
    if (issue.code !== "custom" || issue.params?.["rule"] !== "help-too-long" || typeof value !== "string") {
      return undefined;
    }
    return {
      path,
      message: `${pathName(path)} ${issue.message}: it has ${utf8Length(value)}`,
      hint: "put the rest into a file that the service serves",
    };
  },
};
