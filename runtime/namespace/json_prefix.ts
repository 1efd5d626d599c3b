/**
 * Whether text that comes in pieces is, or can still become, one JSON object.
 *
 * Pure, and each byte is looked at once: a document of many pieces costs as
 * much as one of a single piece. What is said is about the grammar, UTF-8 and
 * the depth of nesting; whether a key occurs twice is for the reader of the
 * whole document (`control/protocol/json.ts`).
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { JsonObjectPrefix } from "./json_prefix.ts";
 *
 * const prefix = new JsonObjectPrefix();
 * prefix.take(new TextEncoder().encode('{"text": "he'));
 * assert.equal(prefix.form, "unfinished");
 * prefix.take(new TextEncoder().encode('llo"}'));
 * assert.equal(prefix.form, "whole");
 * ```
 *
 * @module
 */

import { MAX_JSON_DEPTH } from "../../control/protocol/json.ts";
import type { JsonForm } from "./service_port.ts";

/** What may stand at each place of a text, for a person. */
const WANTED = {
  before: "a JSON object, from { to },",
  value: "a value",
  first_item: "a value or ]",
  first_key: "a key or }",
  key: "a key",
  colon: ":",
  next: ", or the closing bracket",
  text: "a character of a string",
  escape: "an escape sequence",
  hex: "a hexadecimal digit",
  continuation: "the rest of a UTF-8 character",
  word: "true, false or null",
  minus: "a digit",
  zero: "the end of a number",
  integer: "a digit",
  point: "a digit",
  fraction: "a digit",
  exponent: "a digit",
  exponent_sign: "a digit",
  exponent_digits: "a digit",
  after: "nothing more",
  broken: "nothing",
} as const;

/** Where in the grammar the next byte stands. */
type State = keyof typeof WANTED;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ESCAPES = new Set([...'"\\/bfnrt'].map((character) => character.charCodeAt(0)));
const WORDS = new Map(["true", "false", "null"].map((word) => [word.charCodeAt(0), word]));

/** Reads a text piece by piece. */
export class JsonObjectPrefix {
  #state: State = "before";
  /** Whether each object or array that is open is an object; its length is the depth. */
  readonly #open: boolean[] = [];
  /** Bytes taken so far. */
  #length = 0;
  #isKey = false;
  /** Hexadecimal digits, or bytes of a UTF-8 character, that are still to come. */
  #missing = 0;
  /** Where the next byte of a UTF-8 character has to be. */
  #low = 0;
  #high = 0;
  #word = "";
  #wordAt = 0;
  #fault = "";

  get form(): JsonForm {
    switch (this.#state) {
      case "before":
        return "blank";
      case "after":
        return "whole";
      case "broken":
        return "broken";
      default:
        return "unfinished";
    }
  }

  /** What is wrong with a broken text, one phrase; empty for any other. */
  get fault(): string {
    return this.#fault;
  }

  /** Takes the next piece. Nothing that follows a broken text is looked at. */
  take(piece: Uint8Array): void {
    const { length } = piece;
    for (let at = 0; at < length && this.#state !== "broken"; at++) {
      if (this.#state === "text") {
        // Nearly all of a large payload is plain text within strings.
        while (at < length && isPlain(piece[at] ?? 0)) at++;
        if (at === length) break;
      }
      const byte = piece[at] ?? 0;
      if (!this.#step(byte)) this.#break(byte, this.#length + at);
    }
    this.#length += length;
  }

  #break(byte: number, offset: number): void {
    const found = byte > 0x20 && byte < 0x7f
      ? JSON.stringify(String.fromCharCode(byte))
      : `0x${byte.toString(16).padStart(2, "0")}`;
    this.#fault = this.#open.length >= MAX_JSON_DEPTH && (byte === 0x7b || byte === 0x5b)
      ? `nested deeper than ${MAX_JSON_DEPTH} levels at byte ${offset}`
      : isText(this.#state) && byte >= 0x80
      ? `it is no UTF-8 text at byte ${offset}`
      : `${WANTED[this.#state]} is wanted at byte ${offset}, not ${found}`;
    this.#state = "broken";
  }

  /** Whether this byte may stand here. */
  #step(byte: number): boolean {
    switch (this.#state) {
      case "text":
        return this.#inText(byte);
      case "escape":
        if (byte === 0x75) return this.#await("hex", 4);
        return ESCAPES.has(byte) && this.#go("text");
      case "hex":
        if (!isHexDigit(byte)) return false;
        return --this.#missing > 0 || this.#go("text");
      case "continuation":
        if (byte < this.#low || byte > this.#high) return false;
        [this.#low, this.#high] = [0x80, 0xbf];
        return --this.#missing > 0 || this.#go("text");
      case "word":
        if (byte !== this.#word.charCodeAt(this.#wordAt)) return false;
        return ++this.#wordAt < this.#word.length || this.#go("next");
      case "minus":
        return this.#beginNumber(byte);
      case "point":
        return isDigit(byte) && this.#go("fraction");
      case "exponent":
        if (byte === 0x2b || byte === 0x2d) return this.#go("exponent_sign");
        return isDigit(byte) && this.#go("exponent_digits");
      case "exponent_sign":
        return isDigit(byte) && this.#go("exponent_digits");
      case "zero":
      case "integer":
      case "fraction":
      case "exponent_digits":
        return this.#inNumber(byte) || this.#between("next", byte);
      default:
        return this.#between(this.#state, byte);
    }
  }

  /** A byte that is part of no word, number or string. */
  #between(state: State, byte: number): boolean {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return this.#go(state);
    switch (state) {
      case "before":
        return byte === 0x7b && this.#enter(true);
      case "first_item":
        return byte === 0x5d ? this.#leave() : this.#beginValue(byte);
      case "value":
        return this.#beginValue(byte);
      case "first_key":
        return byte === 0x7d ? this.#leave() : this.#beginKey(byte);
      case "key":
        return this.#beginKey(byte);
      case "colon":
        return byte === 0x3a && this.#go("value");
      case "next": {
        const isObject = this.#open.at(-1) === true;
        if (byte === 0x2c) return this.#go(isObject ? "key" : "value");
        return byte === (isObject ? 0x7d : 0x5d) && this.#leave();
      }
      default:
        return false;
    }
  }

  #beginKey(byte: number): boolean {
    this.#isKey = true;
    return byte === QUOTE && this.#go("text");
  }

  #beginValue(byte: number): boolean {
    const word = WORDS.get(byte);
    if (word !== undefined) {
      this.#word = word;
      this.#wordAt = 1;
      return this.#go("word");
    }
    switch (byte) {
      case QUOTE:
        this.#isKey = false;
        return this.#go("text");
      case 0x7b:
      case 0x5b:
        return this.#enter(byte === 0x7b);
      case 0x2d:
        return this.#go("minus");
      default:
        return this.#beginNumber(byte);
    }
  }

  #beginNumber(byte: number): boolean {
    return isDigit(byte) && this.#go(byte === 0x30 ? "zero" : "integer");
  }

  #inNumber(byte: number): boolean {
    if (isDigit(byte)) return this.#state !== "zero";
    if (byte === 0x2e) return (this.#state === "zero" || this.#state === "integer") && this.#go("point");
    return (byte | 0x20) === 0x65 && this.#state !== "exponent_digits" && this.#go("exponent");
  }

  #inText(byte: number): boolean {
    if (byte === QUOTE) return this.#go(this.#isKey ? "colon" : "next");
    if (byte === BACKSLASH) return this.#go("escape");
    if (byte < 0x80) return byte >= 0x20;
    // Overlong forms, surrogates and what lies beyond U+10FFFF are no characters.
    this.#low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    this.#high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
    if (byte >= 0xc2 && byte <= 0xdf) return this.#await("continuation", 1);
    if (byte >= 0xe0 && byte <= 0xef) return this.#await("continuation", 2);
    return byte >= 0xf0 && byte <= 0xf4 && this.#await("continuation", 3);
  }

  #enter(isObject: boolean): boolean {
    if (this.#open.length >= MAX_JSON_DEPTH) return false;
    this.#open.push(isObject);
    return this.#go(isObject ? "first_key" : "first_item");
  }

  #leave(): boolean {
    this.#open.pop();
    return this.#go(this.#open.length === 0 ? "after" : "next");
  }

  #await(state: State, missing: number): boolean {
    this.#missing = missing;
    return this.#go(state);
  }

  #go(state: State): true {
    this.#state = state;
    return true;
  }
}

/** Whether a byte of a string is a character of its own that stands for itself. */
function isPlain(byte: number): boolean {
  return byte >= 0x20 && byte < 0x80 && byte !== QUOTE && byte !== BACKSLASH;
}

function isText(state: State): boolean {
  return state === "text" || state === "continuation";
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte: number): boolean {
  return isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}
