import { type ParseError, printParseErrorCode } from "jsonc-parser";
import { MAX_JSON_DEPTH } from "../../../control/protocol/json.ts";
import type { TextFinding, TextRule } from "../issue_rule.ts";
import type { TextView } from "../text_view.ts";

const WORDS: Readonly<Record<string, string>> = {
  InvalidSymbol: "this is no JSON value",
  InvalidNumberFormat: "this is no JSON number",
  PropertyNameExpected: "the name of a member in double quotes is wanted here",
  ValueExpected: "a value is wanted here",
  ColonExpected: 'a ":" is wanted here',
  CommaExpected: 'a "," is wanted here',
  CloseBraceExpected: 'a "}" is wanted here',
  CloseBracketExpected: 'a "]" is wanted here',
  EndOfFileExpected: "the file should end here",
  UnexpectedEndOfComment: "the comment has no end",
  UnexpectedEndOfString: "the text has no closing quote on its line",
  UnexpectedEndOfNumber: "the number is cut off",
  InvalidUnicode: "\\u needs four hex digits",
  InvalidEscapeCharacter: 'this escape is not known: JSON has \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u',
  InvalidCharacter: "a control character must be written as an escape",
};

/** Text that is no JSON. */
export const syntax: TextRule = {
  id: "syntax",
  severity: "error",
  reason:
    "A manifest is strict JSON in a `.json` file; a `.jsonc` file may have comments and trailing commas besides. " +
    `Nothing goes deeper than ${MAX_JSON_DEPTH} levels.`,
  check(view) {
    if (view.tooDeep !== undefined) {
      return [{ ...view.tooDeep, message: `not readable: nested deeper than ${MAX_JSON_DEPTH} levels` }];
    }
    if (view.text.trim() === "") {
      return [{ offset: 0, length: 0, message: "the file is empty: a JSON object is wanted" }];
    }
    // What follows the first error is mostly its echo.
    const [first] = view.errors;
    if (first !== undefined) return [describe(first, view)];
    const lone = strictFault(view);
    return lone === undefined ? [] : [lone];
  },
};

function describe({ error, offset, length }: ParseError, view: TextView): TextFinding {
  const isBareName = /^[A-Za-z_$'][\w$']*\s*:/.test(view.text.slice(offset, offset + 200));
  const words = isBareName
    ? "the name of a member stands in double quotes"
    : WORDS[printParseErrorCode(error)] ?? "this cannot be read";
  // An error at the end of the text is shown behind its last character that says something.
  const end = view.text.trimEnd().length;
  const place = offset >= end ? { offset: end, length: 0 } : { offset, length: Math.max(1, length) };
  const single = view.text[offset] === "'";
  return {
    ...place,
    message: `not valid JSON: ${words}`,
    ...(single ? { hint: "JSON has double quotes only" } : {}),
  };
}

/** What the forgiving parser lets through and JSON does not have. */
function strictFault({ text, isLenient, comments, trailingCommas }: TextView): TextFinding | undefined {
  if (!isLenient && comments.length + trailingCommas.length > 0) return undefined; // Reported by their own rules.
  if (isLenient) return undefined;
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : "";
    const offset = Number(/at position (\d+)/.exec(reason)?.[1] ?? 0);
    return { offset, length: 1, message: `not valid JSON: ${reason.replace(/ (?:in JSON )?at position.*/s, "")}` };
  }
}
