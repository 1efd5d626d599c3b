import assert from "node:assert/strict";
import { lintManifest, readManifest } from "./lint.ts";

function findings(text: string, file = "m.json"): string[] {
  return lintManifest({ file, text }).map(({ rule, start, path }) =>
    `${rule} ${start.line}:${start.column} ${path ?? ""}`.trim()
  );
}

Deno.test("lintManifest() finds nothing in the least that a manifest needs", () => {
  assert.deepEqual(findings('{"service_id":"a","kind":"a"}'), []);
});

Deno.test("lintManifest() places each finding at the value, or at the key that is too much", () => {
  assert.deepEqual(findings('{\n  "service_id": "a b",\n  "kind": "a",\n  "knid": 1\n}'), [
    "identifier 2:17 /service_id",
    "unknown-key 4:3 /knid",
  ]);
});

Deno.test("lintManifest() counts lines and columns alike with CRLF, tabs and characters of several bytes", () => {
  const text = '{\r\n\t"help_md": "grüße 😀", "state": "",\r\n "service_id":"a","kind":"a"}';
  assert.deepEqual(findings(text), ["identifier 2:34 /state"]);
  assert.deepEqual(findings(`\ufeff${text}`), ["byte-order-mark 1:1", "identifier 2:34 /state"]);
});

Deno.test("lintManifest() names a key that occurs twice", () => {
  assert.deepEqual(findings('{"service_id":"a",\n "service_id":"b","kind":"a"}'), ["duplicate-key 2:2 /service_id"]);
  assert.deepEqual(findings('{"service_id":"a",\n "service_id":"b","kind":"a"}', "m.jsonc"), [
    "duplicate-key 2:2 /service_id",
  ]);
});

Deno.test("lintManifest() reads comments and trailing commas in .jsonc and refuses them in .json", () => {
  const text = '{\n  // the camera\n  "service_id": "a",\n  "kind": "a",\n}';
  assert.deepEqual(findings(text, "m.jsonc"), []);
  assert.deepEqual(findings(text, "m.json").map((line) => line.split(" ")[0]), ["comment", "trailing-comma"]);
});

Deno.test("readManifest() looks at nothing else of a manifest that is switched off", () => {
  const { manifest, disabled, findings } = readManifest({ file: "m.json", text: '{"enabled":false,"service_id":7}' });
  assert.deepEqual({ manifest, disabled, findings }, { manifest: undefined, disabled: true, findings: [] });
});

Deno.test("readManifest() fills in the defaults", () => {
  const { manifest } = readManifest({ file: "m.json", text: '{"service_id":"a","kind":"b"}' });
  assert.deepEqual([manifest?.version, manifest?.state, manifest?.permissions], ["1", "online", {
    default: "deny-by-default",
  }]);
});
