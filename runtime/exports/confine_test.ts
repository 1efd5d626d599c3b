import assert from "node:assert/strict";
import { isHidden, isOrdinaryName, isWithin, stepsBelow } from "./confine.ts";

Deno.test("isWithin() takes the root and what is below it, and no sibling with the same beginning", () => {
  const cases: readonly [string, string, boolean][] = [
    ["/", "/", true],
    ["/", "/var", true],
    ["/safe", "/safe", true],
    ["/safe", "/safe/work", true],
    ["/safe", "/safeguard", false],
    ["/safe", "/", false],
    ["/safe", "/other/safe", false],
  ];
  for (const [root, path, expected] of cases) assert.equal(isWithin(root, path, "linux"), expected, `${root} ${path}`);
  assert.equal(isWithin("D:\\safe", "D:\\safe\\work", "windows"), true);
  assert.equal(isWithin("D:\\safe", "D:\\safeguard", "windows"), false);
  assert.equal(isWithin("D:\\", "D:\\any", "windows"), true);
});

Deno.test("isHidden() hides the folder of the runtime, in any case where case means nothing", () => {
  assert.equal(isHidden(".spiderweb-sandbox", "linux"), true);
  assert.equal(isHidden(".Spiderweb-Sandbox", "linux"), false);
  assert.equal(isHidden(".Spiderweb-Sandbox", "darwin"), true);
  assert.equal(isHidden(".spiderweb", "windows"), false);
});

Deno.test("isOrdinaryName() refuses on Windows what would reach another file than the one listed", () => {
  for (const name of ["CON", "con.txt", "nul", "LPT1", "com¹.log", "a:b", "C:", "a.", "a ", "a*", "CONOUT$"]) {
    assert.equal(isOrdinaryName(name, "windows"), false, name);
    assert.equal(isOrdinaryName(name, "linux"), true, name);
  }
  for (const name of ["console", "com", "comet1", ".gitignore", "a b", "a.b"]) {
    assert.equal(isOrdinaryName(name, "windows"), true, name);
  }
});

Deno.test("stepsBelow() splits the way from the root down", () => {
  assert.deepEqual(stepsBelow("/safe", "/safe"), []);
  assert.deepEqual(stepsBelow("/safe", "/safe/a/b"), ["a", "b"]);
  assert.deepEqual(stepsBelow("/", "/a"), ["a"]);
});
