import assert from "node:assert/strict";
import { ZssError } from "../../control/protocol/mod.ts";
import { type Contexts, formatContexts, isContextName, noContexts, parseContexts } from "./contexts.ts";

Deno.test("parseContexts() reads what formatContexts() writes", () => {
  const contexts: Contexts = {
    current: "lab",
    byName: new Map([
      ["office", { url: "wss://office", ca: "/ca.pem", project: "site" }],
      ["lab", { url: "ws://lab", token: "t" }],
      ["constructor", { url: "ws://c" }],
    ]),
  };
  assert.deepEqual(parseContexts(formatContexts(contexts), "f"), contexts);
  assert.deepEqual(parseContexts(formatContexts(noContexts), "f"), noContexts);
});

const damaged: readonly (readonly [string, string, RegExp])[] = [
  ["nothing", "", /not valid JSON/],
  ["half a file", '{"schema":1,"contexts":{"lab":{"url":"ws://lab","token":"sw-secret', /not valid JSON/],
  ["a name twice", '{"schema":1,"contexts":{"a":{"url":"ws://a"},"a":{"url":"sw-secret"}}}', /not valid JSON/],
  ["a list", "[]", /an object is wanted/],
  ["another schema", '{"schema":2,"contexts":{}}', /another version of zss/],
  ["no contexts", '{"schema":1}', /"contexts" must be an object/],
  ["a name that is none", '{"schema":1,"contexts":{"a b":{}}}', /characters/],
  ["a context that is none", '{"schema":1,"contexts":{"a":"sw-secret"}}', /context "a" must be an object/],
  ["a context without an address", '{"schema":1,"contexts":{"a":{"token":"sw-secret"}}}', /"a" has no url/],
  ["a token that is no text", '{"schema":1,"contexts":{"a":{"url":"ws://a","token":7}}}', /token of context "a"/],
  ["a current one that is not there", '{"schema":1,"current":"b","contexts":{}}', /"current" must name one/],
];
for (const [what, text, says] of damaged) {
  Deno.test(`parseContexts() refuses ${what} with a hint and without repeating the text`, () => {
    assert.throws(() => parseContexts(text, "contexts.json"), (error) => {
      assert.ok(error instanceof ZssError);
      assert.equal(error.code, "state_damaged");
      assert.match(error.message, /^Cannot read the contexts "contexts\.json": /);
      assert.match(error.message, says);
      assert.match(error.hint ?? "", /zss context add/);
      assert.doesNotMatch(`${error.message}${error.hint}`, /sw-secret/);
      return true;
    });
  });
}

Deno.test("isContextName() takes what needs no quoting anywhere", () => {
  assert.deepEqual(["lab", "lab-2.eu_west", "9"].map(isContextName), [true, true, true]);
  assert.deepEqual(["", "-o", ".", "a b", "a/b", "ü", "__proto__", "a".repeat(65)].filter(isContextName), []);
});
