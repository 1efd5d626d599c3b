import assert from "node:assert/strict";
import { foldName, isHidden, isOrdinaryName } from "./names.ts";

Deno.test("isOrdinaryName() refuses on Windows what opens a device, a stream or another file, and nothing elsewhere", () => {
  const bad = ["CON", "con", "nul.txt", "NUL .txt", "aux.", "COM1", "com¹.log", "LPT9", "CONIN$", "conout$.x", "PRN:"];
  bad.push("a.", "a ", "a:b", "a::$DATA", "C:", "a<b", "a>b", 'a"b', "a|b", "a?", "a*", "a\x1fb", "a\\b", "..", " .");
  for (const name of bad) {
    assert.equal(isOrdinaryName(name, "windows"), false, JSON.stringify(name));
    assert.equal(isOrdinaryName(name, "linux"), true, JSON.stringify(name));
    assert.equal(isOrdinaryName(name, "darwin"), true, JSON.stringify(name));
  }
  for (const name of ["console", "CON1", "COM", "COM10", "a.b", ".git", "nul-", "auxiliary.txt", "ü", "a b"]) {
    assert.equal(isOrdinaryName(name, "windows"), true, name);
  }
});

Deno.test("foldName() makes one of case twins where the system does, and never on Linux", () => {
  const twins: readonly [string, string][] = [["README", "readme"], ["STRASSE", "Strasse"], ["\u212aey", "KEY"], [
    "\u017fafe",
    "SAFE",
  ]];
  for (const [one, other] of twins) {
    assert.equal(foldName(one, "windows"), foldName(other, "windows"), one);
    assert.equal(foldName(one, "darwin"), foldName(other, "darwin"), one);
    assert.notEqual(foldName(one, "linux"), foldName(other, "linux"), one);
  }
  assert.equal(foldName("u\u0308", "darwin"), foldName("Ü", "darwin"));
  assert.equal(foldName("a\u200cb", "darwin"), "ab");
  assert.notEqual(foldName("a\u200cb", "windows"), "ab");
});

Deno.test("isHidden() knows the folder of the sandbox under every name that the system takes for it", () => {
  for (const system of ["linux", "darwin", "windows"] as const) {
    assert.equal(isHidden(".spiderweb-sandbox", system), true, system);
    assert.equal(isHidden(".spiderweb-sandbox2", system), false, system);
  }
  for (const twin of [".Spiderweb-Sandbox", ".\u017fpiderweb-sandbox"]) {
    assert.equal(isHidden(twin, "darwin"), true, twin);
    assert.equal(isHidden(twin, "windows"), true, twin);
    assert.equal(isHidden(twin, "linux"), false, twin);
  }
  assert.equal(isHidden(".spiderweb-\u200dsandbox", "darwin"), true);
});
