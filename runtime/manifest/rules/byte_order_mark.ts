import type { TextRule } from "../issue_rule.ts";

/** A byte-order mark. */
export const byteOrderMark: TextRule = {
  id: "byte-order-mark",
  severity: "warning",
  reason: "JSON is UTF-8 without a byte-order mark; many programs refuse a file that begins with one.",
  fixable: true,
  check: ({ hasByteOrderMark }) =>
    hasByteOrderMark
      ? [{
        offset: 0,
        length: 0,
        message: "the file begins with a byte-order mark",
        // Offsets of edits are those of the text as read.
        fix: { title: "remove the byte-order mark", edits: [{ offset: -1, length: 1, text: "" }] },
      }]
      : [],
};
