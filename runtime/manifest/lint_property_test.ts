import assert from "node:assert/strict";
import fc from "fast-check";
import { formatManifest } from "./format.ts";
import { DEFAULT_NODE_ID, lintManifest, readManifest } from "./lint.ts";
import { quickLint } from "./quick_lint.ts";
import { manifestSchema } from "./schema.ts";

/** Text that is nearly a manifest: real members, real values, a few mistakes. */
const manifestText = fc.record({
  service_id: fc.oneof(fc.constantFrom("camera", "fs", "a b", ""), fc.string({ maxLength: 6 })),
  kind: fc.constantFrom("camera", 7, ""),
  version: fc.oneof(fc.string({ unit: "grapheme", maxLength: 70 }), fc.constant(1)),
  endpoints: fc.array(
    fc.constantFrom("/nodes/{node_id}/camera", "/x", "nodes", "/nodes/{node}/a", "/a//b", "/a/..", 3),
    {
      maxLength: 3,
    },
  ),
  mounts: fc.array(
    fc.record({ mount_id: fc.constantFrom("m", "a b"), mount_path: fc.constantFrom("/m", "m", "/m/.") }),
  ),
  runtime: fc.record({
    type: fc.constantFrom("native_proc", "wasm", "native_inproc", "builtin", "docker"),
    timeout_ms: fc.constantFrom(0, 5, 40_001, -1, 1.5, "5"),
    env: fc.dictionary(
      fc.constantFrom("A", "ZSS_TOKEN", "PASSWORD", "a=b"),
      fc.constantFrom("x", true, 5, "long-enough-secret"),
    ),
    args: fc.array(fc.constantFrom("a", "", "--token=0123456789", 1)),
  }, { requiredKeys: [] }),
  permissions: fc.record({
    default: fc.constantFrom("allow", "deny"),
    allow_roles: fc.array(fc.constantFrom("user", "*", 1)),
  }, {
    requiredKeys: [],
  }),
  schema: fc.record({ input: fc.oneof(fc.constantFrom({ type: "object" }, { type: "objekt" }, 5), fc.jsonValue()) }),
  invoke_template: fc.jsonValue(),
  help_md: fc.string({ unit: "grapheme" }),
  extra: fc.jsonValue(),
}, { requiredKeys: ["service_id"] }).map((value) => JSON.stringify(value, null, 2));

/** The same with comments, trailing commas, other line ends and blanks, as people write it. */
const writtenText = fc.tuple(manifestText, fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean()).map((
  [text, comments, commas, crlf, mark],
) => {
  let written = text;
  if (comments) written = written.replaceAll("{\n", "{ // note\n").replaceAll('": [', '": /* list */ [');
  if (commas) written = written.replaceAll(/([\d"\]}a-z])\n(\s*[}\]])/g, "$1,\n$2");
  if (crlf) written = written.replaceAll("\n", "\r\n\t");
  return (mark ? "\ufeff" : "") + written;
});

const file = fc.constantFrom("m.json", "m.jsonc");

Deno.test("lintManifest() never throws and never hangs, whatever the text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), file, (text, file) => {
    assert.ok(Array.isArray(lintManifest({ file, text })));
  }));
  const pieces = fc.array(
    fc.constantFrom(...'{}[]",:\\/*\n\t 01e.-tnu', "//", "/*", '"a"', "true", "null", "\ufeff", "é"),
  );
  fc.assert(fc.property(pieces.map((parts) => parts.join("")), file, (text, file) => {
    assert.ok(Array.isArray(lintManifest({ file, text })));
  }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), file, (bytes, file) => {
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    assert.ok(Array.isArray(lintManifest({ file, text })));
    formatManifest(file, text);
  }));
  for (const file of ["m.json", "m.jsonc"]) {
    assert.match(lintManifest({ file, text: "[".repeat(100_000) })[0]?.message ?? "", /deeper than 64/);
  }
});

Deno.test("lintManifest() finds the syntax of .json wrong exactly where JSON.parse does", () => {
  const pieces = fc.array(
    fc.constantFrom("{", "}", "[", "]", '"a"', ":", ",", "1", "-1.5e3", "01", "true", " ", "\n", "nul", '"\\u00e9"'),
  );
  fc.assert(
    fc.property(pieces.map((parts) => parts.join("")), (text) => {
      const isJson = parses(text);
      const rules = new Set(lintManifest({ file: "m.json", text }).map(({ rule }) => rule));
      assert.equal(rules.has("syntax") || rules.has("trailing-comma") || rules.has("comment"), !isJson, text);
    }),
    { numRuns: 2000 },
  );
});

/** A manifest without a finding, then at most one mutation of its text. */
const nearlyCleanText = fc.tuple(
  fc.record({
    version: fc.constantFrom("1", "2.0"),
    capabilities: fc.dictionary(fc.constantFrom("a", "b", "c"), fc.jsonValue({ maxDepth: 2 })),
    runtime: fc.constantFrom({ type: "builtin" }, {
      type: "native_proc",
      executable_path: "x",
      args: ["a"],
      timeout_ms: 5,
    }),
    invoke_template: fc.constantFrom({}, { zoom: 1 }),
  }, { requiredKeys: [] }),
  fc.constantFrom(
    ["", ""],
    ['"kind": "camera"', '"kind": "camera", "kind": "other"'],
    ['"kind": "camera"', '"knid": "camera"'],
    ['"a": ', '"a": 1, "a": '],
    ['"timeout_ms": 5', '"timeout_ms": 50000'],
    ['"builtin"', '"builtni"'],
    ['"x"', '""'],
  ),
).map(([members, [from = "", to = ""]]) =>
  JSON.stringify({ service_id: "camera", kind: "camera", ...members }, null, 1).replaceAll('":', '": ').replaceAll(
    ":  ",
    ": ",
  )
    .replace(from, to)
);

Deno.test("quickLint() takes what is clean, and the slow look agrees about both", () => {
  let clean = 0;
  fc.assert(
    fc.property(nearlyCleanText, (text) => {
      const slow = lintManifest({ file: "m.jsonc", text: `// slow\n${text}` });
      const quick = quickLint(text, DEFAULT_NODE_ID);
      if (quick !== undefined) clean++;
      assert.equal(quick !== undefined, slow.length === 0, text);
    }),
    { numRuns: 500 },
  );
  assert.ok(clean > 50, `${clean} were clean`);
});

Deno.test("lintManifest() ends soon for patterns and references that would take for ever", () => {
  const manifest = (input: unknown, template: unknown) =>
    JSON.stringify({ service_id: "a", kind: "a", schema: { input }, invoke_template: template });
  const pattern = { properties: { a: { type: "string", pattern: "^(a+)+$" } } };
  lintManifest({ file: "m.json", text: manifest(pattern, { a: `${"a".repeat(40)}!` }) });
  const $defs = Object.fromEntries(
    Array.from(
      { length: 31 },
      (_, at) => [`d${at}`, { allOf: [{ $ref: `#/$defs/d${at + 1}` }, { $ref: `#/$defs/d${at + 1}` }] }],
    ),
  );
  lintManifest({ file: "m.json", text: manifest({ $defs: { ...$defs, d31: {} }, $ref: "#/$defs/d0" }, { a: 1 }) });
  lintManifest({
    file: "m.json",
    text: JSON.stringify({ service_id: "a", kind: "a", help_md: "eyJ-".repeat(15_000) }),
  });
});

Deno.test("quickLint() lets nothing pass that the slow look finds something in", () => {
  fc.assert(
    fc.property(writtenText, (text) => {
      const quick = quickLint(text, DEFAULT_NODE_ID);
      if (quick === undefined || quick["enabled"] === false) return;
      assert.ok(manifestSchema.safeParse(quick).success, text);
      // The slow look itself asks the quick one first; a comment in a .jsonc file sends it round.
      assert.deepEqual(lintManifest({ file: "m.jsonc", text: `// slow\n${text}` }), [], text);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("formatManifest() keeps what the linter finds, and formatting twice changes nothing", () => {
  fc.assert(
    fc.property(writtenText, file, (text, file) => {
      const laidOut = formatManifest(file, text);
      if (laidOut === undefined) return;
      assert.deepEqual(summary(file, laidOut), summary(file, text));
      assert.equal(formatManifest(file, laidOut), laidOut);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("readManifest() gives a manifest exactly when no finding is an error", () => {
  fc.assert(fc.property(writtenText, file, (text, file) => {
    const { manifest, disabled, findings } = readManifest({ file, text });
    assert.equal(manifest !== undefined || disabled, !findings.some(({ severity }) => severity === "error"));
  }));
});

/** Findings without their places, which formatting moves; the line that a message names moves with them. */
function summary(file: string, text: string): string[] {
  return lintManifest({ file, text }).map(({ rule, path, message }) =>
    `${rule} ${path} ${message.replace(/line \d+/, "")}`
  )
    .sort();
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
