/**
 * Rules about what the schema refuses, and rules about text.
 *
 * Both run only for a file that the quick look did not find clean.
 *
 * @module
 */

import type { z } from "zod";
import type { TextEdit } from "../../control/protocol/diagnostic.ts";
import type { RuleFinding, RuleInfo } from "./rule.ts";
import type { Span, TextView } from "./text_view.ts";

/** One thing that the schema refuses. */
export interface SchemaIssue {
  readonly issue: z.core.$ZodIssue;
  readonly path: RuleFinding["path"];
  /** The value at fault. */
  readonly value: unknown;
}

/** A rule about a kind of refusal. The first rule of the list that answers has the finding. */
export interface IssueRule extends RuleInfo {
  describe(issue: SchemaIssue): RuleFinding | undefined;
}

/** What a rule about text found. */
export interface TextFinding extends Span {
  readonly message: string;
  readonly hint?: string;
  readonly path?: RuleFinding["path"];
  readonly fix?: { readonly title: string; readonly edits: readonly TextEdit[] };
}

/** A rule about the text of one file. */
export interface TextRule extends RuleInfo {
  check(view: TextView): readonly TextFinding[];
}
