import assert from "node:assert/strict";
import fc from "fast-check";
import { ZssError } from "../../control/protocol/mod.ts";
import { type ExportSpec, parseExport } from "./parse_export.ts";

Deno.test("parseExport() reads a name, a path and its endings", () => {
  const cases: readonly [string, Partial<ExportSpec>][] = [
    ["work=.", { name: "work", path: "." }],
    ["work=.:ro", { name: "work", path: ".", mode: "ro" }],
    ["work=/srv/data:rw", { name: "work", path: "/srv/data", mode: "rw" }],
    ["work=D:\\Projects:rw", { name: "work", path: "D:\\Projects", mode: "rw" }],
    ["work=D:", { name: "work", path: "D:" }],
    ["work=a=b", { name: "work", path: "a=b" }],
    ["work=/a:ro:rw", { name: "work", path: "/a", mode: "ro" }],
    ["work=/a:rw:ro:rw", { name: "work", path: "/a", mode: "rw" }],
    ["work=/a:cred=team", { name: "work", path: "/a", cred: "team" }],
    ["work=/a:ro:cred=team", { name: "work", path: "/a", mode: "ro", cred: "team" }],
    ["work=/a:cred=team:ro", { name: "work", path: "/a", mode: "ro", cred: "team" }],
    ["work=/a:cred=one:cred=two", { name: "work", path: "/a", cred: "one" }],
    ["work=/a:RO", { name: "work", path: "/a:RO" }],
    ["work=/a:ro/b", { name: "work", path: "/a:ro/b" }],
    ["A.b_c-1=/a b/ü", { name: "A.b_c-1", path: "/a b/ü" }],
  ];
  for (const [text, expected] of cases) {
    assert.deepEqual(parseExport(text), { mode: undefined, cred: undefined, ...expected }, text);
  }
});

Deno.test("parseExport() refuses what has no name or no path, and says what is missing", () => {
  const cases: readonly [string, string][] = [
    ["", '"=" is missing between the name and the path'],
    ["work", '"=" is missing between the name and the path'],
    ["=.", "the name is empty"],
    ["a/b=.", 'name "a/b" must have 1 to 128 letters, digits, dots, underscores and hyphens'],
    [" work=.", 'name " work" must have 1 to 128 letters, digits, dots, underscores and hyphens'],
    ["work=", "the path is empty"],
    ["work=:ro", "the path is empty"],
    ["work=:cred=a", "the path is empty"],
    ["work=/a:cred=", "the handle after cred= is empty"],
    ["work=/a\0b", "the path holds a NUL character"],
  ];
  for (const [text, reason] of cases) {
    assert.throws(() => parseExport(text), {
      name: "ZssError",
      code: "invalid_export",
      message: `Cannot read --export "${text}": ${reason}`,
    });
  }
});

Deno.test("parseExport() reads or refuses any text", () => {
  const piece = fc.oneof(fc.constantFrom("=", ":", ":ro", ":rw", ":cred=", "work", "/a", "D:\\"), fc.string());
  fc.assert(fc.property(fc.array(piece), (pieces) => {
    try {
      assert.notEqual(parseExport(pieces.join("")).path, "");
    } catch (error) {
      assert(error instanceof ZssError && error.code === "invalid_export", String(error));
    }
  }));
});
