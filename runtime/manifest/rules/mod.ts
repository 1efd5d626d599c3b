/**
 * Every rule of the linter.
 *
 * @module
 */

import type { IssueRule, TextRule } from "../issue_rule.ts";
import type { RuleInfo } from "../rule.ts";
import { byteOrderMark } from "./byte_order_mark.ts";
import { comment } from "./comment.ts";
import { duplicateKey } from "./duplicate_key.ts";
import { format } from "./format.ts";
import { helpTooLong } from "./help_too_long.ts";
import { identifier } from "./identifier.ts";
import { length } from "./length.ts";
import { machineRules } from "./machine/mod.ts";
import { pathAbsolute } from "./path_absolute.ts";
import { manifestRules, setRules } from "./plain.ts";
import { range } from "./range.ts";
import { required } from "./required.ts";
import { syntax } from "./syntax.ts";
import { trailingComma } from "./trailing_comma.ts";
import { type } from "./type.ts";
import { unreadable } from "./unreadable.ts";
import { value } from "./value.ts";

export { machineRules } from "./machine/mod.ts";
export { manifestRules, setRules } from "./plain.ts";
export { unreadable } from "./unreadable.ts";

/** Rules about text. */
export const textRules: readonly TextRule[] = [syntax, comment, trailingComma, duplicateKey, byteOrderMark];

/** Rules about what the schema refuses; the first that answers has the finding. */
export const issueRules: readonly IssueRule[] = [
  required,
  helpTooLong,
  pathAbsolute,
  identifier,
  value,
  type,
  range,
  length,
  format,
];

/** What every rule says about itself, in the order of docs/lint_rules.md. */
export const allRules: readonly RuleInfo[] = [
  unreadable,
  ...textRules,
  ...issueRules,
  ...manifestRules,
  ...setRules,
  ...machineRules,
];
