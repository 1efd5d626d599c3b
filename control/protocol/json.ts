/**
 * The one reader of JSON that somebody else wrote.
 *
 * `JSON.parse` alone lets three things through that later bite: a key that
 * occurs twice (the last one wins silently), a member named `__proto__`, and
 * integers that lose digits. It also says nothing about depth, so a frame of
 * brackets can exhaust the stack of whatever walks the value. This module reads
 * with `JSON.parse`, which is native and quick, and walks the text once beside
 * it to find those.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseJson, stringifyJson } from "./json.ts";
 *
 * const frame = parseJson('{"gen":1772200000000000001}', { bigIntegers: true });
 * assert.deepEqual(frame, { gen: 1772200000000000001n });
 * assert.equal(stringifyJson(frame), '{"gen":1772200000000000001}');
 * ```
 *
 * @module
 */

import { ZssError } from "./errors.ts";

/** Default depth of nesting that is accepted. */
export const MAX_JSON_DEPTH = 64;

/** How to read. */
export interface ParseJsonOptions {
  /** Deepest nesting accepted. @default {64} */
  readonly maxDepth?: number;
  /** Returns integers beyond 2^53 as `bigint` instead of a rounded number. @default {false} */
  readonly bigIntegers?: boolean;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const COMMA = 0x2c;

/** An object or array that the walk is inside of. */
interface Container {
  readonly isArray: boolean;
  /** Keys seen so far; made at the second key, since most objects in a frame are small. */
  keys: Set<string> | undefined;
  /** The member under way: a key, or the index in an array. */
  key: string;
  index: number;
}

/**
 * Reads JSON text from outside.
 *
 * Takes time linear in the length of `text`.
 *
 * @throws {ZssError} `invalid_json` when the text is no JSON, is nested deeper
 * than `maxDepth`, or an object holds a key twice or the key `__proto__`. The
 * error's `path` is a JSON pointer to the place where there is one, `data.offset`
 * its offset in the text, in UTF-16 units.
 */
export function parseJson(text: string, options: ParseJsonOptions = {}): unknown {
  const maxDepth = options.maxDepth ?? MAX_JSON_DEPTH;
  // A whole number beyond 2^53 may come out as it went in, and yet be wanted as a bigint.
  const mayHoldBig = options.bigIntegers === true && /[0-9]{16}/.test(text);
  const plain = mayHoldBig ? parsePlainBigJson(text, maxDepth) : parsePlainJson(text, maxDepth);
  if (plain !== undefined) return plain.value;
  const scan = scanJson(text, maxDepth);
  try {
    return scan.hasBigIntegers && options.bigIntegers === true ? parseBigIntegers(text) : JSON.parse(text);
  } catch (cause) {
    throw new ZssError("invalid_json", `Cannot read JSON: ${syntaxMessage(cause)}`, { cause });
  }
}

/**
 * Reads text that a program wrote: compact, each number as it would be written
 * again. Such text has no key twice and no number that was rounded, for then it
 * would not come out again as it went in; so the slow look at each character
 * can be left out. `undefined` for every other text.
 */
function parsePlainJson(text: string, maxDepth: number): { readonly value: unknown } | undefined {
  // Brackets that are nested a million deep take the parser longest; the slow look stops at the first that is too deep.
  if (text.includes("__proto__") || text.includes("[".repeat(maxDepth + 1))) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isShallow(value, maxDepth) && JSON.stringify(value) === text ? { value } : undefined;
  } catch {
    return undefined;
  }
}

/** Longest text of which it is worth while to write it again, in UTF-16 units. */
const MAX_BIG_LENGTH = 65_536;

/** Stands before the digits of a whole number that was made a string; no program writes it of itself. */
const BIG_MARK = "\ue0b1:";
const BIG_NUMBERS = /(?<=[:,[])-?[1-9][0-9]{15,}(?=[,\]}])/g;

/** The same for text with whole numbers beyond 2^53, which come out as `bigint`. */
function parsePlainBigJson(text: string, maxDepth: number): { readonly value: unknown } | undefined {
  if (text.length > MAX_BIG_LENGTH || text.includes(BIG_MARK) || text.includes("[".repeat(maxDepth + 1))) {
    return undefined;
  }
  // Digits within a string look like a number too: the quote before the mark then ends that string, and what follows
  // it is no JSON.
  const marked = parsePlainJson(text.replace(BIG_NUMBERS, `"${BIG_MARK}$&"`), maxDepth);
  return marked === undefined ? undefined : { value: withBigIntegers(marked.value) };
}

function withBigIntegers(value: unknown): unknown {
  if (typeof value === "string" && value.startsWith(BIG_MARK)) {
    const big = BigInt(value.slice(BIG_MARK.length));
    const small = Number(big);
    return Number.isSafeInteger(small) ? small : big;
  }
  if (typeof value !== "object" || value === null) return value;
  for (const name in value) {
    const member: unknown = Reflect.get(value, name);
    const whole = withBigIntegers(member);
    if (whole !== member) Reflect.set(value, name, whole);
  }
  return value;
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth === 0) return false;
  if (Array.isArray(value)) return value.every((item) => isShallow(item, depth - 1));
  // The values come from JSON.parse: all members are their own.
  for (const name in value) if (!isShallow(Reflect.get(value, name), depth - 1)) return false;
  return true;
}

/** Writes a value as compact JSON; a `bigint` becomes a plain integer. */
export function stringifyJson(value: unknown): string {
  try {
    // Without a replacer it takes a tenth of the time, and nearly no value holds a big integer.
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(
      value,
      (_key, member: unknown) => typeof member === "bigint" ? rawJson(String(member)) : member,
    );
  }
}

/**
 * Writes a value that holds nothing but plain members, arrays, strings, numbers, booleans, null and `bigint`.
 *
 * With a `bigint` in it, it takes a fifth of the time that {@linkcode stringifyJson} does.
 */
export function plainJson(value: unknown): string {
  switch (typeof value) {
    case "bigint":
      return String(value);
    case "string":
      return JSON.stringify(value);
    case "number":
      return Number.isFinite(value) ? String(value) : "null";
    case "boolean":
      return value ? "true" : "false";
    case "object":
      break;
    default:
      return "null";
  }
  if (value === null) return "null";
  let text = "";
  if (Array.isArray(value)) {
    for (const item of value) text += `${text === "" ? "" : ","}${plainJson(item)}`;
    return `[${text}]`;
  }
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) text += `${text === "" ? "" : ","}${JSON.stringify(name)}:${plainJson(member)}`;
  }
  return `{${text}}`;
}

/** JSON that is written already, for values whose text is at hand. */
export class JsonText {
  readonly text: string;

  /** @param text Valid JSON; it is sent as it is. */
  constructor(text: string) {
    this.text = text;
  }
}

/** Where a member of the outermost object stands in its text. */
export interface MemberPlace {
  /** Offset of the first character of the value. */
  readonly start: number;
  /** Offset behind the last character of the value. */
  readonly end: number;
}

/**
 * Finds the value of one member of the outermost object without parsing the
 * rest, so that a relay can change a tag in a frame of a megabyte and leave
 * every other byte as it came.
 *
 * The text must be JSON that `parseJson` accepts or will accept elsewhere; for
 * anything else the result is meaningless but the call still ends.
 */
export function findMember(text: string, name: string): MemberPlace | undefined {
  const wanted = JSON.stringify(name);
  let depth = 0;
  let expectKey = false;
  let found = -1;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) {
      const end = endOfString(text, i);
      if (depth === 1 && expectKey) {
        expectKey = false;
        if (text.slice(i, end) === wanted) {
          found = end;
          while (found < text.length && isSpaceOrColon(text.charCodeAt(found))) found++;
          i = found - 1;
          continue;
        }
      }
      i = end - 1;
    } else if (unit === OPEN_OBJECT || unit === OPEN_ARRAY) {
      depth++;
      if (depth === 1) expectKey = unit === OPEN_OBJECT;
    } else if (unit === CLOSE_OBJECT || unit === CLOSE_ARRAY) {
      depth--;
      if (depth === 0 && found >= 0) return { start: found, end: trimEnd(text, found, i) };
    } else if (unit === COMMA && depth === 1) {
      if (found >= 0) return { start: found, end: trimEnd(text, found, i) };
      expectKey = true;
    }
  }
  return undefined;
}

/** Walks the text once; refuses what `JSON.parse` would let through. */
function scanJson(text: string, maxDepth: number): { hasBigIntegers: boolean } {
  const stack: Container[] = [];
  let hasBigIntegers = false;
  let top: Container | undefined;
  let expectKey = false;
  const length = text.length;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    switch (unit) {
      case QUOTE: {
        const end = endOfString(text, i);
        if (expectKey && top !== undefined) {
          noteKey(text.slice(i, end), i, top, stack);
          expectKey = false;
        }
        i = end - 1;
        break;
      }
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        if (stack.length >= maxDepth) {
          throw new ZssError("invalid_json", `Cannot read JSON: nested deeper than ${maxDepth} levels`, {
            path: pointer(stack),
            hint: `send at most ${maxDepth} levels of objects and arrays`,
            data: { offset: i },
          });
        }
        top = { isArray: unit === OPEN_ARRAY, keys: undefined, key: "", index: 0 };
        stack.push(top);
        expectKey = unit === OPEN_OBJECT;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        stack.pop();
        top = stack[stack.length - 1];
        expectKey = false;
        break;
      case COMMA:
        if (top?.isArray) top.index++;
        else expectKey = true;
        break;
      default:
        // 16 digits are the fewest that may exceed 2^53.
        if (unit >= 0x30 && unit <= 0x39) {
          let end = i + 1;
          while (end < length && isNumberPart(text.charCodeAt(end))) end++;
          if (end - i >= 16) hasBigIntegers = true;
          i = end - 1;
        }
    }
  }
  return { hasBigIntegers };
}

function noteKey(quoted: string, offset: number, container: Container, stack: readonly Container[]): void {
  let key: string;
  try {
    key = quoted.includes("\\") ? JSON.parse(quoted) as string : quoted.slice(1, -1);
  } catch {
    return; // JSON.parse of the whole text says what is wrong with it
  }
  const first = container.keys === undefined;
  container.keys ??= new Set();
  const repeated = !first && container.keys.has(key);
  container.keys.add(key);
  container.key = key;
  if (repeated) {
    throw new ZssError("invalid_json", `Cannot read JSON: key ${JSON.stringify(key)} occurs twice in one object`, {
      path: pointer(stack),
      hint: "keep one of the two",
      data: { offset },
    });
  }
  if (key === "__proto__") {
    throw new ZssError("invalid_json", 'Cannot read JSON: key "__proto__" is not accepted', {
      path: pointer(stack),
      hint: "rename the member",
      data: { offset },
    });
  }
}

/** Offset behind the closing quote of the string that opens at `start`; the end of the text where it is missing. */
function endOfString(text: string, start: number): number {
  let from = start + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
    from = quote + 1;
  }
}

function isNumberPart(unit: number): boolean {
  return (unit >= 0x30 && unit <= 0x39) || unit === 0x2e || unit === 0x65 || unit === 0x45 || unit === 0x2b ||
    unit === 0x2d;
}

function isSpaceOrColon(unit: number): boolean {
  return unit === 0x3a || unit === 0x20 || unit === 0x09 || unit === 0x0a || unit === 0x0d;
}

function trimEnd(text: string, start: number, end: number): number {
  let last = end;
  while (last > start && isSpaceOrColon(text.charCodeAt(last - 1))) last--;
  return last;
}

function pointer(stack: readonly Container[]): string {
  return stack.map((container) => `/${container.isArray ? container.index : escapePointer(container.key)}`).join("");
}

/** Escapes one segment of a JSON pointer. */
export function escapePointer(segment: string): string {
  return segment.replaceAll("~", "~0").replaceAll("/", "~1");
}

type ReviverWithSource = (this: unknown, key: string, value: unknown, context?: { source?: string }) => unknown;

function parseBigIntegers(text: string): unknown {
  const reviver: ReviverWithSource = (_key, value, context) => {
    if (typeof value !== "number" || Number.isSafeInteger(value) || !Number.isInteger(value)) return value;
    const source = context?.source;
    return source !== undefined && /^-?[0-9]+$/.test(source) ? BigInt(source) : value;
  };
  // The type of the standard library does not know the third argument yet.
  return JSON.parse(text, reviver as (this: unknown, key: string, value: unknown) => unknown);
}

function rawJson(text: string): unknown {
  // The types of the standard library do not know JSON.rawJSON yet; every supported runtime has it.
  const rawJSON: unknown = Reflect.get(JSON, "rawJSON");
  if (typeof rawJSON !== "function") throw new TypeError("Cannot write a bigint: JSON.rawJSON is missing");
  return rawJSON.call(JSON, text);
}

function syntaxMessage(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
