import type { IssueRule } from "../issue_rule.ts";
import { pathName, shown } from "./_values.ts";

/** Names on the wire and in paths. */
export const identifier: IssueRule = {
  id: "identifier",
  severity: "error",
  reason:
    "An identifier has 1 to 128 letters, digits, dots, underscores and hyphens (`state` at most 64), so that it can " +
    "stand in a path on every system.",
  describe({ issue, path, value }) {
    const name = path.at(-1);
    const isIdentifier = path.length === 1
      ? name === "service_id" || name === "kind" || name === "state"
      : path[0] === "mounts" && (name === "mount_id" || name === "state");
    if (!isIdentifier || typeof value !== "string") return undefined;
    const isTooLong = issue.code === "too_big";
    return {
      path,
      message: isTooLong
        ? `${pathName(path)} ${issue.message}: it has ${value.length}`
        : `${pathName(path)} ${issue.message}: current value is ${shown(value)}`,
      ...(value.includes("{node_id}") ? { hint: "{node_id} is replaced in endpoints and mount paths only" } : {}),
    };
  },
};
