import assert from "node:assert/strict";
import { copyFileSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { buildLibrary, noLibraries, testFolder } from "../c_fixture_test.ts";
import type { Driver, InvokeResult } from "../driver.ts";
import { driverContract } from "../driver_contract.ts";
import { type Clock, systemClock } from "../process/clock.ts";
import { ManualClock } from "../process/manual_clock.ts";
import { nativeInprocConfig } from "./config.ts";
import { createNativeInprocDriver, type NativeInprocDeps } from "./native_inproc.ts";

const ignore = noLibraries !== undefined;
const why = ignore ? ` (ignored: ${noLibraries})` : "";
const folder = testFolder();
const library = join(folder, "library.so");
if (!ignore) buildLibrary("testdata/drivers/library.c", library);

function driver(symbol: string, runtime: Record<string, unknown> = {}, deps: Partial<NativeInprocDeps> = {}): Driver {
  const config = nativeInprocConfig.parse({
    ...{ type: "native_inproc", library_path: library, invoke_symbol: symbol },
    ...runtime,
  });
  const usual = { clock: systemClock, cwd: process.cwd(), env: process.env, allowInproc: true };
  return createNativeInprocDriver(config, { ...usual, ...deps });
}

const inTime = (clock: Clock, symbol: string, runtime: Record<string, unknown> = {}) =>
  driver(symbol, runtime, { clock });

/** A copy of the library whose name carries the marker, as the command line of its helper then does. */
function marked(clock: Clock, symbol: string, marker: string): Driver {
  const copy = join(folder, `${marker}.so`);
  copyFileSync(library, copy);
  return inTime(clock, symbol, { library_path: copy, env: { MARKER: marker } });
}

if (!ignore) {
  driverContract("native_inproc", {
    echo: (clock) => inTime(clock, "echo"),
    fails: (clock) => inTime(clock, "fails"),
    warns: (clock) => inTime(clock, "warns"),
    kills: (clock) => inTime(clock, "kills"),
    hangs: (clock, marker) => marked(clock, "hangs", marker),
    floods: (clock) => inTime(clock, "floods", { max_output_bytes: 4_096 }),
    floodsStderr: (clock) => inTime(clock, "floods_stderr", { max_output_bytes: 4_096 }),
    ignoresInput: (clock) => inTime(clock, "ignores_input"),
    leavesChild: (clock, marker) => inTime(clock, "leaves_child", { env: { MARKER: marker } }),
    missing: (clock) => inTime(clock, "echo", { library_path: "no-such-library.so" }),
  });
}

function call(of: Driver, payload = "{}", timeout_ms = 30_000): Promise<InvokeResult> {
  const { signal } = new AbortController();
  return of.invoke({ call_id: "c-1", payload: new TextEncoder().encode(payload), timeout_ms, signal });
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function test(title: string, run: () => Promise<void>): void {
  Deno.test({ name: `native_inproc ${title}${why}`, ignore, fn: run });
}

/** Calls a function that must fail, then another one of the same driver, which must not. */
async function failure(symbol: string, runtime: Record<string, unknown> = {}, timeoutMs = 30_000) {
  const of = driver(symbol, runtime);
  try {
    const result = await call(of, "{}", timeoutMs);
    assert.ok(!result.ok, "it succeeded");
    return result;
  } finally {
    await of.close();
  }
}

const failures: readonly (readonly [string, string, string, number, RegExp])[] = [
  ["crashes", "crashes", "signal", -1, /"[^"]+library\.so" was ended by SIGSEGV after \d+ ms: it crashed its helper/],
  ["aborts", "aborts", "signal", -1, /SIGABRT/],
  ["ends its process", "exits", "exit", 7, /ended its helper with code 7 after \d+ ms where a library returns/],
  ["ends its process with success", "exits_silently", "exit", 125, /ended its helper with code 0/],
  [
    "says that it wrote more than there is room",
    "long_output",
    "exit",
    125,
    /\*out_len to 1048577, and the buffer has 1048576/,
  ],
  ["says that its error is endless", "long_error", "exit", 125, /\*err_len to 18446744073709551615/],
  ["returns a negative code", "negative", "exit", 255, /returned code 255/],
  ["returns a code that is too large", "thousand", "exit", 255, /returned code 255/],
  ["writes into the pipes of its helper", "garbles", "exit", 125, /damaged the answer of its helper/],
];
for (const [what, symbol, reason, exitCode, message] of failures) {
  test(`says what happened when a library ${what}`, async () => {
    const result = await failure(symbol);
    assert.deepEqual([result.reason, result.exit_code], [reason, exitCode], result.message);
    assert.match(result.message, message);
  });
}

test("keeps what a library printed before it crashed, and says that it did", async () => {
  assert.match(text((await failure("crashes")).stderr), /^about to crash\n\nzss: "[^"]+" was ended by SIGSEGV/);
});

test("ends a library that loops, and calls the next in a fresh helper", async () => {
  const of = driver("loops");
  // Warm it up, so that the time goes to the loop.
  assert.equal((await of.health()).state, "online");
  for (let round = 0; round < 2; round++) {
    const result = await call(of, "{}", 300);
    assert.ok(!result.ok);
    assert.equal(result.reason, "timeout");
    assert.match(result.message, /"[^"]+" ran longer than its timeout_ms of 300/);
  }
  await of.close();
});

test("ends a library that closes every descriptor", async () => {
  const result = await failure("closes", {}, 2_000);
  assert.ok(["exit", "signal", "timeout"].includes(result.reason), result.message);
});

test("ends a library that takes too much memory, and names the limit", async () => {
  const result = await failure("grows", { max_memory_bytes: 67_108_864 });
  assert.deepEqual([result.reason, result.exit_code], ["signal", -1]);
  assert.match(result.message, /more than 67108864 bytes of memory; raise runtime\.max_memory_bytes/);
});

test("gives what a library prints as standard error, and its result as it is", async () => {
  const of = driver("prints");
  for (let round = 0; round < 3; round++) {
    const result = await call(of, '{"a":1}');
    assert.ok(result.ok);
    assert.equal(text(result.stdout), '{"a":1}');
    assert.deepEqual(text(result.stderr).split("\n").sort(), ["", "to standard error", "to standard output"]);
  }
  await of.close();
});

test("names a process that left the group of its helper", async () => {
  const of = driver("leaves_group");
  const result = await call(of);
  assert.ok(result.ok);
  assert.match(text(result.stderr), /left process \d+ \(sleep\) behind, out of reach/);
  await of.close();
});

test("uses one helper for many calls, and another after it crashed", async () => {
  const of = driver("counts");
  const [first, second] = [await call(of), await call(of)].map(({ stdout }) => JSON.parse(text(stdout)));
  assert.deepEqual([first.calls, second.calls, second.pid], [1, 2, first.pid]);
  process.kill(first.pid, "SIGKILL");
  // The end of the helper may not be known yet: either way a later call works.
  let third = await call(of);
  if (!third.ok) third = await call(of);
  assert.equal(JSON.parse(text(third.stdout)).calls, 1);
  await of.close();
});

test("ends a helper that nobody has used for a minute", async () => {
  const clock = new ManualClock();
  const of = driver("counts", {}, { clock });
  const { pid } = JSON.parse(text((await call(of)).stdout));
  clock.advance(60_000);
  await of.close();
  assert.throws(() => process.kill(pid, 0));
  assert.equal(clock.pendingTimers, 0);
});

test("calls the new library as soon as its file is replaced, in place or by another file", async () => {
  const file = join(folder, "replaced.so");
  const [first, second, third] = ["first", "second", "third"].map((word) =>
    buildLibrary("testdata/drivers/library.c", join(folder, `${word}.so`), `-DANSWER="${word}"`)
  );
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  copyFileSync(first, file);
  const of = driver("answer", { library_path: file });
  assert.equal(text((await call(of)).stdout), "first");
  copyFileSync(second, file);
  assert.equal(text((await call(of)).stdout), "second");
  renameSync(third, file);
  assert.equal(text((await call(of)).stdout), "third");
  await of.close();
});

test("loads a private copy and leaves nothing of it", async () => {
  const copies = () => readdirSync(tmpdir()).filter((name) => name.startsWith("zss-inproc-") && mine(name));
  const mine = (name: string) => statSync(join(tmpdir(), name)).mtimeMs >= began;
  const began = Date.now();
  const of = driver("counts");
  const { pid } = JSON.parse(text((await call(of)).stdout));
  if (Deno.build.os === "linux") {
    const maps = readFileSync(`/proc/${pid}/maps`, "utf8");
    assert.match(maps, /zss-inproc-\d+-\w+\/library\.so \(deleted\)/);
    assert.doesNotMatch(maps, new RegExp(library));
  }
  await of.close();
  assert.deepEqual(copies(), []);
});

test("gives a library a clean environment and what its manifest names", async () => {
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], ZSS_TOKEN: "hidden", CAMERA: "front" };
  const of = driver("variables", { env: { CAMERA: true, SIZE: "2" } }, { env });
  const printed = text((await call(of)).stdout);
  assert.match(printed, /^CAMERA=front$/m);
  assert.match(printed, /^SIZE=2$/m);
  assert.doesNotMatch(printed, /hidden/);
  await of.close();
});

const unusable: readonly (readonly [string, () => Record<string, unknown>, RegExp])[] = [
  [
    "lacks its function",
    () => ({ invoke_symbol: "nothing" }),
    /does not export the function "nothing"; correct runtime\.invoke_symbol/,
  ],
  ["is another one than its manifest pins", () => ({ sha256: "0".repeat(64) }), /its SHA-256 is [0-9a-f]{64}/],
  ["is no library", () => ({ library_path: "deno.json" }), /Cannot load library "deno\.json"/],
  [
    "crashes when it is loaded",
    () => ({
      library_path: buildLibrary("testdata/drivers/library.c", join(folder, "crash.so"), "-DCRASH_WHEN_LOADED"),
    }),
    /it ended the process that loaded it by SIGABRT/,
  ],
];
for (const [what, runtime, message] of unusable) {
  test(`is offline when its library ${what}, and says so`, async () => {
    const of = driver("echo", runtime());
    const health = await of.health();
    assert.equal(health.state, "offline");
    assert.match(health.detail ?? "", message);
    const result = await call(of);
    assert.ok(!result.ok);
    assert.equal(result.reason, "launch");
    assert.match(result.message, message);
    await of.close();
  });
}

test("gives up on a library that never ends to load", async () => {
  const file = buildLibrary("testdata/drivers/library.c", join(folder, "hang.so"), "-DHANG_WHEN_LOADED");
  const clock = new ManualClock();
  const of = driver("echo", { library_path: file }, { clock });
  const running = call(of, "{}", 1_000);
  clock.advance(1_000);
  const result = await running;
  assert.ok(!result.ok);
  assert.equal(result.reason, "timeout");
  await of.close();
});

Deno.test("native_inproc loads nothing on a node that was not started with --allow-inproc", async () => {
  const of = driver("echo", {}, { allowInproc: false });
  assert.match((await of.health()).detail ?? "", /start it with --allow-inproc/);
  const result = await call(of);
  assert.ok(!result.ok);
  assert.deepEqual([result.reason, result.stdout.length], ["launch", 0]);
  assert.match(result.message, /--allow-inproc/);
  await of.close();
});
