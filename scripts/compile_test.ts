import assert from "node:assert/strict";
import { compilerArguments, readBuildRequest } from "./compile.ts";

const LINUX = "x86_64-unknown-linux-gnu";

Deno.test("readBuildRequest() builds dist/zss for this machine when nothing is asked for", () => {
  assert.deepEqual(readBuildRequest([], LINUX), { target: LINUX, output: "dist/zss" });
});

Deno.test("readBuildRequest() takes a literal -- first, as task runners pass it", () => {
  assert.deepEqual(readBuildRequest(["--", "-o", "zss"], LINUX), { target: LINUX, output: "zss" });
});

Deno.test("readBuildRequest() ends the name of a Windows executable in .exe once", () => {
  const target = "x86_64-pc-windows-msvc";
  assert.equal(readBuildRequest(["--target", target], LINUX).output, "dist/zss.exe");
  assert.equal(readBuildRequest(["--target", target, "--output", "a.exe"], LINUX).output, "a.exe");
  assert.equal(readBuildRequest([], target).output, "dist/zss.exe");
});

Deno.test("readBuildRequest() refuses an unknown target, an unknown option and a stray word", () => {
  assert.throws(
    () => readBuildRequest(["--target", "wasm"], LINUX),
    /^RangeError: Cannot build for "wasm": the targets/,
  );
  assert.throws(() => readBuildRequest(["--fast"], LINUX), TypeError);
  assert.throws(() => readBuildRequest(["linux"], LINUX), TypeError);
});

Deno.test("compilerArguments() names the target only when it is another machine's", () => {
  const here = compilerArguments({ target: LINUX, output: "dist/zss" }, "2.9.6", LINUX, []);
  assert.ok(!here.includes("--target"));
  const there = compilerArguments({ target: "aarch64-apple-darwin", output: "dist/zss" }, "2.9.6", LINUX, []);
  assert.equal(there[there.indexOf("--target") + 1], "aarch64-apple-darwin");
});

Deno.test("compilerArguments() leaves the types out for compilers before 2.9 only", () => {
  const checked = (version: string) =>
    !compilerArguments({ target: LINUX, output: "zss" }, version, LINUX, []).includes("--no-check");
  assert.deepEqual(["2.8.3", "1.46.0", "2.9.0", "2.10.1", "3.0.0"].map(checked), [false, false, true, true, true]);
});

Deno.test("compilerArguments() puts each folder of files in", () => {
  const args = compilerArguments({ target: LINUX, output: "zss" }, "2.9.6", LINUX, ["examples/services.d"]);
  assert.equal(args[args.indexOf("--include") + 1], "examples/services.d");
  assert.equal(args.at(-1), "cli/main.ts");
});
