import type { RuleInfo } from "../rule.ts";

/** Files that could not be looked at. */
export const unreadable: RuleInfo = {
  id: "unreadable",
  severity: "error",
  reason: "A file or folder that is named is there, may be read, has at most 262,144 bytes and is UTF-8 text.",
};
