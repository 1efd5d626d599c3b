import assert from "node:assert/strict";
import fc from "fast-check";
import { ZssError } from "./errors.ts";
import { findMember, parseJson, plainJson, stringifyJson } from "./json.ts";

function refusal(text: string, maxDepth?: number): ZssError {
  try {
    parseJson(text, maxDepth === undefined ? {} : { maxDepth });
  } catch (error) {
    if (error instanceof ZssError) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: `accepted ${text}` });
}

Deno.test("parseJson() reads what JSON.parse reads", () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
    const text = JSON.stringify(value);
    if (/"__proto__":/.test(text)) return;
    assert.deepEqual(parseJson(text), JSON.parse(text));
  }));
});

Deno.test("parseJson() refuses a key that occurs twice, with the place", () => {
  const error = refusal('{"a":{"b":[0,{"k":1,"\\u006b":2}]}}');
  assert.equal(error.code, "invalid_json");
  assert.equal(error.path, "/a/b/1/k");
});

Deno.test("parseJson() refuses the key __proto__, however it is written", () => {
  assert.equal(refusal('{"x":{"__proto__":1}}').path, "/x/__proto__");
  assert.equal(refusal('{"\\u005f_proto__":1}').code, "invalid_json");
});

Deno.test("parseJson() accepts __proto__ as a value", () => {
  assert.equal(parseJson('"__proto__"'), "__proto__");
});

Deno.test("parseJson() refuses text nested deeper than the limit without walking into it", () => {
  const deep = "[".repeat(100_000);
  assert.match(refusal(deep).message, /deeper than 64/);
  assert.deepEqual(parseJson("[[1]]", { maxDepth: 2 }), [[1]]);
  assert.equal(refusal("[[[1]]]", 2).path, "/0/0");
});

Deno.test("parseJson() says what is wrong with text that is no JSON", () => {
  for (const text of ["", "{", '{"a"', '"', '"\\', "{'a':1}", "nul", '{"a":1,}', "1 2", '{"\\x":1}']) {
    assert.match(refusal(text).message, /^Cannot read JSON: /);
  }
});

Deno.test("parseJson() keeps every digit of a large integer when asked to", () => {
  const text = '{"a":9007199254740993,"b":-9223372036854775808,"c":1.5,"d":12345678901234567890e0,"e":7}';
  assert.deepEqual(parseJson(text, { bigIntegers: true }), {
    a: 9007199254740993n,
    b: -9223372036854775808n,
    c: 1.5,
    d: 12345678901234567890e0,
    e: 7,
  });
});

Deno.test("stringifyJson() writes a bigint so that parseJson() reads it back", () => {
  fc.assert(fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n }), (value) => {
    assert.deepEqual(parseJson(stringifyJson({ value }), { bigIntegers: true }), { value });
  }));
});

Deno.test("parseJson() never throws anything but a typed error", () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0_p1e-. ') }), (text) => {
    try {
      parseJson(text, { bigIntegers: true });
    } catch (error) {
      assert.ok(error instanceof ZssError);
    }
  }));
});

Deno.test("findMember() finds exactly the text of a member of the outermost object", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), (others, value) => {
    delete others["tag"];
    const text = JSON.stringify({ ...others, tag: value }, null, 1);
    const place = findMember(text, "tag");
    assert.ok(place);
    assert.deepEqual(JSON.parse(text.slice(place.start, place.end)), JSON.parse(JSON.stringify(value)));
  }));
});

Deno.test("findMember() does not look into nested objects", () => {
  assert.equal(findMember('{"payload":{"tag":1},"s":"\\"tag\\":2"}', "tag"), undefined);
});

Deno.test("parseJson() with bigIntegers reads digits in strings, keys and numbers for what each is", () => {
  const cases: readonly [string, unknown][] = [
    ['{"a":9007199254740993}', { a: 9007199254740993n }],
    ['{"a":9007199254740991,"b":[-9007199254740993,0]}', { a: 9007199254740991, b: [-9007199254740993n, 0] }],
    ['["x,12345678901234567890,y",12345678901234567890]', ["x,12345678901234567890,y", 12345678901234567890n]],
    ['{"1234567890123456789":[1234567890123456789]}', { "1234567890123456789": [1234567890123456789n] }],
    ['{"a":"[1234567890123456789]"}', { a: "[1234567890123456789]" }],
    ['{"a":"\ue0b1:1234567890123456789","b":1234567890123456789}', {
      a: "\ue0b1:1234567890123456789",
      b: 1234567890123456789n,
    }],
    ['{"a":"\\ue0b1:1234567890123456789"}', { a: "\ue0b1:1234567890123456789" }],
    ['{"a":0.12345678901234567890}', { a: 0.12345678901234568 }],
    ['{"a":1234567890123456789e2}', { a: 1234567890123456789e2 }],
    ["1234567890123456789", 1234567890123456789n],
    ['{ "a" : 1234567890123456789 }', { a: 1234567890123456789n }],
    ['{"a":-0,"b":1234567890123456789}', { a: -0, b: 1234567890123456789n }],
  ];
  for (const [text, value] of cases) assert.deepEqual(parseJson(text, { bigIntegers: true }), value, text);
  for (
    const text of [
      '{"a":1234567890123456789,"a":1}',
      '{"__proto__":1234567890123456789}',
      "[01234567890123456789]",
      `${"[".repeat(70)}1234567890123456789${"]".repeat(70)}`,
    ]
  ) assert.throws(() => parseJson(text, { bigIntegers: true }), { code: "invalid_json" }, text);
});

Deno.test("plainJson() writes what stringifyJson() writes", () => {
  const value = { a: [1n << 60n, -1.5, "ü\n\u2028", null, true, {}], b: undefined, c: Infinity, 'd"': [] };
  assert.equal(plainJson(value), stringifyJson(value));
});
