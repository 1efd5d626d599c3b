/**
 * Flags and arguments that hold text, as the commands declare them.
 *
 * @module
 */

import { usageError } from "./errors.ts";
import { nonEmpty } from "./flags.ts";

/** What every flag that holds text has in common. */
interface TextFlag {
  readonly kind: "parsed";
  readonly parse: (text: string) => string;
  readonly brief: string;
  readonly placeholder: string;
}

/** A flag that may be left out. */
export function optionalText(brief: string, placeholder: string): TextFlag & { readonly optional: true } {
  return { kind: "parsed", parse: nonEmpty, brief, placeholder, optional: true };
}

/** A flag that may be given several times, or not at all. */
export function repeatedText(
  brief: string,
  placeholder: string,
): TextFlag & { readonly variadic: true; readonly default: readonly string[] } {
  return { kind: "parsed", parse: nonEmpty, brief, placeholder, variadic: true, default: [] };
}

/** An argument that has to be there. */
export function argument(brief: string, placeholder: string): Omit<TextFlag, "kind"> {
  return { parse: nonEmpty, brief, placeholder };
}

/**
 * Reads `key=value` pairs.
 *
 * @throws {ZssError} `usage` for text of another form, and for a key that is given twice.
 */
export function pairsOf(texts: readonly string[], flag: string): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const text of texts) {
    const at = text.indexOf("=");
    const key = text.slice(0, at);
    if (at <= 0) throw usageError(`Cannot read ${flag} "${text}": key=value is wanted`);
    if (Object.hasOwn(pairs, key)) throw usageError(`Cannot read ${flag}: "${key}" is given twice`);
    pairs[key] = text.slice(at + 1);
  }
  return pairs;
}
