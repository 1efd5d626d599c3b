/**
 * The quick look: is this manifest certainly without a finding?
 *
 * Nearly every manifest is, and this answers for about the price of one
 * `JSON.parse`. It loads neither the schema library nor the parser that keeps
 * places; who gets no answer here asks `lint.ts`, which knows both.
 *
 * @module
 */

import { isObject } from "../../control/protocol/envelope.ts";
import { MAX_JSON_DEPTH } from "../../control/protocol/json.ts";
import { type QuickCheck, quickCheck } from "./quick_schema.ts";
import type { JsonObject, RuleContext } from "./rule.ts";
import { manifestJson } from "./rules/_schema.ts";
import { manifestRules } from "./rules/plain.ts";

let fitsSchema: QuickCheck | undefined;

const quickRules = manifestRules.filter(({ isInSchema }) => isInSchema !== true);

/** Answers of a schema that is asked quickly; what is not certain counts as refused. */
function quickRefusals(schema: JsonObject, value: unknown): ReturnType<RuleContext["refusals"]> {
  return quickCheck(schema)(value) ? [] : [{ path: [], message: "uncertain" }];
}

/**
 * The manifest, when it certainly has no finding; undefined when somebody slower has to look.
 *
 * A manifest that says `enabled: false` has no findings, whatever else it says.
 */
export function quickLint(text: string, nodeId: string): JsonObject | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const members = countMembers(value, 1);
  // A name that occurs twice leaves fewer members than the text has names.
  if (members < 0 || members !== countNames(text)) return undefined;
  if (value["enabled"] === false) return value;
  fitsSchema ??= quickCheck(manifestJson);
  if (!fitsSchema(value)) return undefined;
  const context: RuleContext = { nodeId, refusals: quickRefusals };
  for (const rule of quickRules) if (rule.check(value, context).length > 0) return undefined;
  return value;
}

/** Members at any depth; -1 for what goes too deep or holds a name that is not accepted. */
function countMembers(value: unknown, depth: number): number {
  if (typeof value !== "object" || value === null) return 0;
  if (depth > MAX_JSON_DEPTH) return -1;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) {
      if (typeof item !== "object") continue;
      const below = countMembers(item, depth + 1);
      if (below < 0) return -1;
      count += below;
    }
    return count;
  }
  if (!isObject(value)) return 0;
  for (const name in value) {
    if (name === "__proto__") return -1;
    const below = countMembers(value[name], depth + 1);
    if (below < 0) return -1;
    count += 1 + below;
  }
  return count;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** Names of members in a text that is valid JSON: the strings that a colon follows. */
function countNames(text: string): number {
  let count = 0;
  let from = 0;
  for (;;) {
    const open = text.indexOf('"', from);
    if (open < 0) return count;
    let close = open;
    do close = text.indexOf('"', close + 1); while (isEscaped(text, close));
    from = close + 1;
    let next = text.charCodeAt(from);
    while (next === 0x20 || next === 0x0a || next === 0x0d || next === 0x09) next = text.charCodeAt(++from);
    if (next === COLON) count++;
    else if (next === QUOTE) return -2; // No JSON; cannot happen behind JSON.parse.
  }
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
  return backslashes % 2 === 1;
}
