import assert from "node:assert/strict";
import { parseJson } from "../../control/protocol/json.ts";
import { JsonObjectPrefix } from "./json_prefix.ts";
import type { JsonForm } from "./service_port.ts";

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function prefixOf(...pieces: readonly Uint8Array[]): JsonObjectPrefix {
  const prefix = new JsonObjectPrefix();
  for (const piece of pieces) prefix.take(piece);
  return prefix;
}

/** Numbers from 0 to 1 that are the same at each run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Makes JSON texts with everything that the grammar has, white space included. */
function maker(random: () => number) {
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item;
  const space = () => pick(["", "", "", " ", "\n", "\t\r", "  "]);
  const texts = ['""', '"a"', '"é€\u{1F4F7}"', '"\\u00e9\\ud83d\\n\\/"', '"\\\\\\""', '"}{]["'];
  const plain = ["0", "-0", "1", "-12.50", "3e7", "4.5E+10", "6e-2", "9007199254740993", "true", "false", "null"];
  const value = (depth: number): string => {
    const kind = depth > 4 ? 0 : random();
    if (kind < 0.4) return pick(plain);
    if (kind < 0.6) return pick(texts);
    return kind < 0.8 ? array(depth) : object(depth);
  };
  const list = (open: string, items: readonly string[], close: string) =>
    `${open}${space()}${items.map((item) => `${item}${space()}`).join(`,${space()}`)}${close}`;
  const array = (depth: number) => list("[", Array.from({ length: random() * 4 }, () => value(depth + 1)), "]");
  const object = (depth: number): string =>
    list(
      "{",
      Array.from({ length: random() * 4 }, (_, n) => `"k${n}é"${space()}:${space()}${value(depth + 1)}`),
      "}",
    );
  return () => `${space()}${object(0)}${space()}`;
}

/** What `JSON.parse` makes of bytes; the oracle of these tests. */
function isObject(content: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content));
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** Endings of which one makes any beginning whole that is not a broken one, once strings and brackets are closed. */
const REPAIRS = [
  ...'"0:,e\\'.split(""),
  ...["u0000", "000", "00", "0000", "alse", "lse", "se", "e", "rue", "ue", "ull", "ll", "l", "n", '"', "x"],
];

/** Whether some ending makes an object of it, found by trying; only for short texts. */
function canBeMended(content: Uint8Array): boolean {
  const seen = new Set<string>();
  let front: Uint8Array[] = [content];
  for (let round = 0; round < 5; round++) {
    const next: Uint8Array[] = [];
    for (const text of front) {
      for (const ending of closings(text)) if (isObject(ending)) return true;
      for (const repair of [...REPAIRS.map(bytes), ...TAILS]) {
        const longer = joined(text, repair);
        const key = longer.join();
        if (seen.has(key)) continue;
        seen.add(key);
        if (round < 1) next.push(longer);
      }
    }
    front = next;
  }
  return false;
}

/** The rests of UTF-8 characters that were cut. */
const TAILS = [[0x80], [0xa9], [0x82, 0xac], [0xac], [0x9f, 0x93, 0xb7], [0x93, 0xb7], [0xb7]].map((tail) =>
  new Uint8Array(tail)
);

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

/** The text with what is open closed: as it is, after a string, after a value. */
function closings(content: Uint8Array): Uint8Array[] {
  const text = new TextDecoder().decode(content);
  const stack: string[] = [];
  let inText = false;
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (inText) {
      if (c === "\\") at++;
      else if (c === '"') inText = false;
    } else if (c === '"') inText = true;
    else if (c === "{") stack.unshift("}");
    else if (c === "[") stack.unshift("]");
    else if (c === "}" || c === "]") stack.shift();
  }
  const close = stack.join("");
  return ["", '"', '":0', "0", ":0", '"":0', "{"].flatMap((
    middle,
  ) => [
    joined(content, bytes(middle + close)),
    joined(content, bytes(`${middle}${middle === "{" ? "}" : ""}${close}`)),
  ]);
}

Deno.test("JsonObjectPrefix finds every text whole, however it is cut, and every beginning of it unfinished", () => {
  const random = numbers(1);
  const make = maker(random);
  for (let round = 0; round < 300; round++) {
    const text = bytes(make());
    assert.ok(isObject(text));
    const prefix = new JsonObjectPrefix();
    const end = text.lastIndexOf(0x7d);
    const begin = text.indexOf(0x7b);
    for (let at = 0; at < text.length; at++) {
      const expected: JsonForm = at <= begin ? "blank" : at <= end ? "unfinished" : "whole";
      assert.equal(prefix.form, expected, `${at} bytes of ${new TextDecoder().decode(text)}`);
      prefix.take(text.subarray(at, at + 1));
    }
    assert.equal(prefix.form, "whole");
    const cuts = Array.from({ length: 4 }, () => Math.floor(random() * text.length)).sort((a, b) => a - b);
    const pieces = [0, ...cuts].map((from, n) => text.subarray(from, cuts[n] ?? text.length));
    assert.equal(prefixOf(...pieces).form, "whole");
  }
});

Deno.test("JsonObjectPrefix agrees with JSON.parse about texts in which a byte is another one", () => {
  const random = numbers(2);
  const make = maker(random);
  const counts = { blank: 0, whole: 0, unfinished: 0, broken: 0 };
  const odd = [...bytes('{}[],:"\\0-.eEtnu/ x'), 0x00, 0x1f, 0x7f, 0x80, 0xc0, 0xc3, 0xe2, 0xed, 0xf0, 0xf5, 0xff];
  for (let round = 0; round < 700; round++) {
    const text = bytes(make());
    if (text.length > 40) continue;
    text[Math.floor(random() * text.length)] = odd[Math.floor(random() * odd.length)] ?? 0;
    const { form, fault } = prefixOf(text);
    counts[form]++;
    const shown = `${new TextDecoder().decode(text)} (${text.join(" ")}): ${form} ${fault}`;
    assert.equal(form === "whole", isObject(text), shown);
    if (form !== "whole" && form !== "blank") assert.equal(form === "unfinished", canBeMended(text), shown);
    assert.equal(fault !== "", form === "broken", shown);
  }
  // Each of them was met often enough to mean something.
  assert.ok(counts.whole > 9 && counts.unfinished > 9 && counts.broken > 50, JSON.stringify(counts));
});

Deno.test("JsonObjectPrefix says where a broken text breaks and what is wanted there", () => {
  const cases: readonly [string | Uint8Array, string][] = [
    ["[1]", 'a JSON object, from { to }, is wanted at byte 0, not "["'],
    ['{"a":}', 'a value is wanted at byte 5, not "}"'],
    ["{}{}", 'nothing more is wanted at byte 2, not "{"'],
    ['{"a" 1', ': is wanted at byte 5, not "1"'],
    ['{"a":[1 2', ', or the closing bracket is wanted at byte 8, not "2"'],
    ['{"a":01', 'the end of a number is wanted at byte 6, not "1"'],
    ['{"a":"\n', "a character of a string is wanted at byte 6, not 0x0a"],
    [new Uint8Array([0x7b, 0x22, 0xff]), "it is no UTF-8 text at byte 2"],
    [new Uint8Array([0x7b, 0x22, 0xe2, 0x82, 0xc3]), "it is no UTF-8 text at byte 4"],
  ];
  for (const [text, fault] of cases) {
    assert.equal(prefixOf(typeof text === "string" ? bytes(text) : text).fault, fault);
  }
});

Deno.test("JsonObjectPrefix takes as many levels as the reader of JSON does", () => {
  const nested = (levels: number) => `{"a":${"[".repeat(levels - 1)}`;
  const whole = (levels: number) => `${nested(levels)}${"]".repeat(levels - 1)}}`;
  assert.doesNotThrow(() => parseJson(whole(64)));
  assert.equal(prefixOf(bytes(whole(64))).form, "whole");
  assert.throws(() => parseJson(whole(65)));
  assert.equal(prefixOf(bytes(nested(65))).fault, "nested deeper than 64 levels at byte 68");
});
