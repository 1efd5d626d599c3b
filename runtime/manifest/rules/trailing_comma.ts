import type { TextRule } from "../issue_rule.ts";

/** Commas behind the last one. */
export const trailingComma: TextRule = {
  id: "trailing-comma",
  severity: "error",
  reason: "A `.json` file is strict JSON, which has no comma behind the last member. A `.jsonc` file may have it.",
  fixable: true,
  check: ({ isLenient, trailingCommas }) =>
    isLenient ? [] : trailingCommas.map((span) => ({
      ...span,
      message: "a .json file must not hold a trailing comma",
      fix: { title: "remove the comma", edits: [{ ...span, text: "" }] },
    })),
};
