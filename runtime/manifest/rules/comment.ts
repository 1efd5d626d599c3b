import type { TextRule } from "../issue_rule.ts";

/** Comments where JSON has none. */
export const comment: TextRule = {
  id: "comment",
  severity: "error",
  reason: "A `.json` file is strict JSON, which every other tool can read too. A `.jsonc` file may have comments.",
  check: ({ isLenient, comments }) =>
    isLenient ? [] : comments.map((span) => ({
      ...span,
      message: "a .json file must not hold comments",
      hint: "call the file .jsonc, or remove the comment",
    })),
};
