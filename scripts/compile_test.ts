import assert from "node:assert/strict";
import { compilerArguments, missingRuntime, readBuildRequest } from "./compile.ts";

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

const OFFLINE = `Download https://dl.deno.land/release/v2.9.6/denort-x86_64-unknown-linux-gnu.zip
error: Writing deno compile executable to temporary file '/dist/zss.tmp-1'

Caused by:
    0: Setting up base binary.
    1: error sending request for url (https://dl.deno.land/release/v2.9.6/denort-x86_64-unknown-linux-gnu.zip): dns error
`;

Deno.test("missingRuntime() says what to do without the runtime, and nothing where the program is at fault", () => {
  const request = { target: LINUX, output: "dist/zss" } as const;
  const offline = missingRuntime(OFFLINE, request, "2.9.6", undefined) ?? "";
  assert.match(offline, /^error: Cannot build dist\/zss: .* cannot be downloaded from https:\S+linux-gnu\.zip$/m);
  assert.match(offline, /\n {2}hint: go online once, .* DENORT_BIN to the denort of Deno 2\.9\.6 for x86_64-\S+$/);
  assert.match(missingRuntime(OFFLINE, request, "2.9.6", "/none") ?? "", /cannot be read from DENORT_BIN \(\/none\)/);
  assert.equal(missingRuntime("error: Type checking failed.", request, "2.9.6", undefined), undefined);
  assert.equal(missingRuntime("", request, "2.9.6", "/none"), undefined);
});
