import assert from "node:assert/strict";
import { isWithin, stepsBelow } from "./confine.ts";

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

Deno.test("stepsBelow() splits the way from the root down", () => {
  assert.deepEqual(stepsBelow("/safe", "/safe"), []);
  assert.deepEqual(stepsBelow("/safe", "/safe/a/b"), ["a", "b"]);
  assert.deepEqual(stepsBelow("/", "/a"), ["a"]);
});
