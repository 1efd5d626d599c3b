import type { IssueRule } from "../issue_rule.ts";
import { pathName, shown } from "./_values.ts";

/** Paths in the one tree. */
export const pathAbsolute: IssueRule = {
  id: "path-absolute",
  severity: "error",
  reason: "Endpoints and mount paths are places in the one tree of all machines and start at its root.",
  describe({ issue, path, value }) {
    const isPath = path[0] === "endpoints" || path.at(-1) === "mount_path";
    if (!isPath || issue.code !== "invalid_format" || typeof value !== "string") return undefined;
    return { path, message: `${pathName(path)} must start with "/": current value is ${shown(value)}` };
  },
};
