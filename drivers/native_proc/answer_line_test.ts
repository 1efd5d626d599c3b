import assert from "node:assert/strict";
import { callLine } from "./answer_line.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const lineOf = (payload: string) => new TextDecoder().decode(callLine("c-1", encode(payload), 9));

/** Every line end of Unicode, which is what Python's splitlines and others cut at. */
// deno-lint-ignore no-control-regex
const LINE_END = /[\n\v\f\r\x1c-\x1e\u0085\u2028\u2029]/g;

const CASES: readonly { title: string; payload: string; written: string }[] = [
  { title: "line ends between words become spaces", payload: '{"a":\r\n\r[1,\n2]}', written: '{"a":   [1, 2]}' },
  {
    title: "separators in strings are escaped",
    payload: '{"a":"x\u2028y\u2029\u2029z"}',
    written: '{"a":"x\\u2028y\\u2029\\u2029z"}',
  },
  {
    title: "separators in names are escaped",
    payload: '{"\u2028":1,"\u0085":2}',
    written: '{"\\u2028":1,"\\u0085":2}',
  },
  {
    title: "what only begins like one stays",
    payload: '{"a":"\u2027\u202a\u20ac\u0084\u0086\u00c2\u00e2\u{1f4a9}\\\\"}',
    written: '{"a":"\u2027\u202a\u20ac\u0084\u0086\u00c2\u00e2\u{1f4a9}\\\\"}',
  },
  {
    title: "numbers keep their digits",
    payload: '{"n":123456789012345678901234567890,"f":1.0e2,"s":"\u2028"}',
    written: '{"n":123456789012345678901234567890,"f":1.0e2,"s":"\\u2028"}',
  },
];

for (const { title, payload, written } of CASES) {
  Deno.test(`callLine() writes one line: ${title}`, () => {
    const line = lineOf(payload);
    assert.equal(line, `{"call_id":"c-1","payload":${written},"deadline_ms":9}\n`);
    assert.deepEqual(line.match(LINE_END), ["\n"]);
  });
}

Deno.test("callLine() means the same as the payload and leaves it as it is", () => {
  const payload = encode(`{\r"a":"${"\u2028\u0085".repeat(50_000)}",\n"b":"${"x".repeat(800_000)}"}`);
  const before = payload.slice();
  const line = new TextDecoder().decode(callLine("c-1", payload, 9));
  assert.deepEqual(payload, before);
  assert.deepEqual(line.match(LINE_END), ["\n"]);
  assert.deepEqual(JSON.parse(line).payload, JSON.parse(new TextDecoder().decode(payload)));
});
