import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { buildModule, noModules, testFolder } from "../c_fixture_test.ts";
import type { Driver, InvokeResult } from "../driver.ts";
import { driverContract } from "../driver_contract.ts";
import { type Clock, systemClock } from "../process/clock.ts";
import { type WasmConfig, wasmConfig } from "./config.ts";
import { runnerArguments } from "./external_runner.ts";
import { createWasmDriver, type WasmDeps } from "./wasm.ts";

const ignore = noModules !== undefined;
const why = ignore ? ` (ignored: ${noModules})` : "";
const folder = testFolder();
const module = join(folder, "module.wasm");
if (!ignore) buildModule("testdata/drivers/module.c", module);

function driver(runtime: Record<string, unknown>, deps: Partial<WasmDeps> = {}): Driver {
  const config = wasmConfig.parse({ type: "wasm", module_path: module, ...runtime });
  return createWasmDriver(config, { clock: systemClock, cwd: process.cwd(), env: process.env, ...deps });
}

const does = (clock: Clock, what: string, runtime: Record<string, unknown> = {}) =>
  driver({ args: [what], ...runtime }, { clock });

/** A copy of the module whose name carries the marker, as the command line of its helper then does. */
function marked(clock: Clock, what: string, marker: string): Driver {
  const copy = join(folder, `${marker}.wasm`);
  copyFileSync(module, copy);
  return does(clock, what, { module_path: copy });
}

if (!ignore) {
  driverContract("wasm", {
    echo: (clock) => does(clock, "echo"),
    fails: (clock) => does(clock, "fails"),
    warns: (clock) => does(clock, "warns"),
    hangs: (clock, marker) => marked(clock, "loops", marker),
    hanging: 1,
    floods: (clock) => does(clock, "floods", { max_output_bytes: 4_096 }),
    floodsStderr: (clock) => does(clock, "floods_stderr", { max_output_bytes: 4_096 }),
    ignoresInput: (clock) => does(clock, "ignores_input"),
    missing: (clock) => does(clock, "echo", { module_path: "no-such-module.wasm" }),
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
  Deno.test({ name: `wasm ${title}${why}`, ignore, fn: run });
}

async function once(runtime: Record<string, unknown>, timeoutMs?: number, deps?: Partial<WasmDeps>) {
  const of = driver(runtime, deps);
  try {
    return await call(of, '{"a":1}', timeoutMs);
  } finally {
    await of.close();
  }
}

/** Builds a module with the pair of functions. */
function pair(name: string, ...flags: readonly string[]): string {
  return buildModule("testdata/drivers/pair.c", join(folder, `${name}.wasm`), "-mexec-model=reactor", ...flags);
}

const traps: readonly (readonly [string, string, RegExp])[] = [
  ["executes what must not be reached", "traps", /"[^"]+module\.wasm" trapped after \d+ ms: unreachable/],
  ["reaches outside of its memory", "reaches", /out of bounds/],
  ["recurses without end", "recurses", /call stack|out of bounds/],
  ["aborts", "aborts", /unreachable/],
];
for (const [what, name, message] of traps) {
  test(`says what happened when a module ${what}`, async () => {
    const result = await once({ args: [name] });
    assert.ok(!result.ok);
    assert.deepEqual([result.reason, result.exit_code], ["signal", -1]);
    assert.match(result.message, message);
    assert.match(result.message, /of at most 268435456 bytes of memory/);
  });
}

test("ends a module that loops, and runs the next call in a fresh helper", async () => {
  const of = driver({ args: ["loops"] });
  assert.equal((await of.health()).state, "online");
  for (let round = 0; round < 2; round++) {
    const result = await call(of, "{}", 200);
    assert.ok(!result.ok);
    assert.equal(result.reason, "timeout");
  }
  await of.close();
});

test("lets a module have no more memory than its manifest says, by default 256 MiB", async () => {
  for (const [runtime, least, most] of [[{ max_memory_bytes: 33_554_432 }, 28, 32], [{}, 240, 256]] as const) {
    const result = await once({ args: ["grows"], ...runtime });
    assert.ok(!result.ok);
    assert.equal(result.exit_code, 12, result.message);
    const [, mebibytes] = /out of memory after (\d+) MiB/.exec(text(result.stderr)) ?? [];
    assert.ok(Number(mebibytes) >= least && Number(mebibytes) < most, `${mebibytes} MiB`);
  }
});

test("runs a module that fills its memory as often as one likes", async () => {
  const of = driver({ args: ["grows"] });
  for (let round = 0; round < 6; round++) assert.equal((await call(of)).exit_code, 12);
  await of.close();
});

Deno.test("wasm is offline when its manifest names fuel and no runner that could count it, and says so", async () => {
  const of = driver({ module_path: "deno.json", fuel: 1000 });
  assert.match(
    (await of.health()).detail ?? "",
    /zss counts no instructions.*runtime\.runner_path, for example wasmtime/,
  );
  const result = await call(of);
  assert.ok(!result.ok);
  assert.equal(result.reason, "launch");
  await of.close();
});

test("refuses a module that begins with more memory than its manifest allows", async () => {
  const result = await once({ max_memory_bytes: 65_536 });
  assert.ok(!result.ok);
  assert.equal(result.reason, "launch");
  assert.match(result.message, /begins with \d+ bytes of memory, and may have 65536; raise runtime\.max_memory_bytes/);
});

test("gives exit codes from 0 to 255, and 255 for others", async () => {
  for (const [given, wanted] of [["7", 7], ["255", 255], ["256", 255], ["-1", 255]] as const) {
    const result = await once({ args: ["code", given] });
    assert.equal(result.exit_code, wanted);
  }
});

test("runs every call in fresh memory", async () => {
  const of = driver({ args: ["counts"] });
  for (let round = 0; round < 3; round++) assert.equal(text((await call(of)).stdout), "1");
  await of.close();
});

test("lets a module wait without keeping a processor busy", async () => {
  assert.equal(text((await once({ args: ["waits"] })).stdout), "waited");
});

test("gives a module its name, its arguments and the variables of its manifest, and no others", async () => {
  const result = await once(
    { args: ["variables", "b c"], env: { CAMERA: "front", HOME: true, ABSENT: true } },
    undefined,
    {
      env: { HOME: "/home/of-the-node", PATH: "/bin", ZSS_TOKEN: "hidden" },
    },
  );
  assert.equal(text(result.stdout), "CAMERA=front\nHOME=/home/of-the-node\n[module.wasm]\n[variables]\n[b c]\n");
});

test("calls the function that its manifest names, whose number is the exit code", async () => {
  const result = await once({ entrypoint: "other" });
  assert.ok(!result.ok);
  assert.deepEqual([result.exit_code, text(result.stdout)], [4, "other"]);
});

function preopened(): { readonly preopens: Record<string, string>; readonly inside: string } {
  const base = join(folder, crypto.randomUUID());
  const inside = join(base, "inside");
  mkdirSync(join(inside, "sub"), { recursive: true });
  writeFileSync(join(inside, "note.txt"), "hello\n");
  writeFileSync(join(inside, "sub", "deep.txt"), "deep\n");
  writeFileSync(join(base, "secret.txt"), "secret\n");
  symlinkSync("../secret.txt", join(inside, "link-out"));
  symlinkSync(join(base, "secret.txt"), join(inside, "link-absolute"));
  symlinkSync("note.txt", join(inside, "link-in"));
  symlinkSync("..", join(inside, "up"));
  return { preopens: { "/data": inside }, inside };
}

const reads: readonly (readonly [string, string, string])[] = [
  ["/data/note.txt", "shows", "6 bytes\nhello\n"],
  ["/data/sub/deep.txt", "shows", "5 bytes\ndeep\n"],
  ["/data/sub/../note.txt", "shows", "6 bytes\nhello\n"],
  ["/data/link-in", "shows", "6 bytes\nhello\n"],
  ["/data", "lists", ".\n..\nlink-absolute\nlink-in\nlink-out\nnote.txt\nsub\nup\n"],
];
for (const [path, what, wanted] of reads) {
  test(`${what} a module ${path} of a folder that its manifest names`, async () => {
    const result = await once({ args: [what, path], preopens: preopened().preopens });
    assert.ok(result.ok, text(result.stderr));
    assert.equal(text(result.stdout), wanted);
  });
}

const refused = ["/data/../secret.txt", "/data/link-out", "/data/link-absolute", "/data/up/secret.txt", "/etc/passwd"];
for (const path of refused) {
  test(`does not let a module reach ${path}`, async () => {
    const result = await once({ args: ["shows", path], preopens: preopened().preopens });
    assert.ok(!result.ok);
    assert.deepEqual([result.exit_code, text(result.stdout)], [5, ""]);
    assert.doesNotMatch(text(result.stderr), /secret\n$/);
    // Of what is in no folder the module's own library says so, before the host is asked.
    if (path.startsWith("/data/") && !path.includes("/..")) assert.match(result.message, /is outside of its preopens/);
  });
}

test("lets a module change nothing in its folders", async () => {
  const { preopens, inside } = preopened();
  for (const path of ["/data/note.txt", "/data/new.txt"]) {
    const result = await once({ args: ["writes", path], preopens });
    assert.ok(!result.ok);
    assert.match(text(result.stderr), /Read-only file system/);
  }
  assert.equal(readFileSync(join(inside, "note.txt"), "utf8"), "hello\n");
});

test("shows a module no file of the machine when its manifest names none", async () => {
  const result = await once({ args: ["lists", "/"] });
  assert.equal(result.exit_code, 5);
});

test("says which folder of a manifest is not there", async () => {
  const result = await once({ preopens: { "/data": "no-such-folder" } });
  assert.ok(!result.ok);
  assert.match(result.message, /runtime\.preopens names "[^"]+no-such-folder" as "\/data", which is no folder/);
});

test("calls the pair of functions of a module that has them", async () => {
  const result = await once({ module_path: pair("echo") });
  assert.ok(result.ok);
  assert.equal(text(result.stdout), '{"a":1}');
  assert.equal(text(result.stderr), "");
});

test("gives a module the clock, chance and a log, and no events", async () => {
  const result = await once({ module_path: pair("hosted", "-DMODE=HOSTED") });
  assert.ok(result.ok);
  assert.equal(text(result.stdout), '{"ok":true}');
  assert.equal(text(result.stderr), "warn: hello\n");
});

test("takes no answer of the pair for an empty result", async () => {
  const result = await once({ module_path: pair("empty", "-DMODE=EMPTY") });
  assert.ok(result.ok);
  assert.equal(result.stdout.length, 0);
});

const lies: readonly (readonly [string, readonly string[], string, RegExp])[] = [
  ["points outside of its memory", ["-DMODE=FAR"], "exit", /returns 4096 bytes at 4294963200, and the memory has \d+/],
  ["points nowhere", ["-DMODE=NOWHERE"], "exit", /returns 2 bytes at address 0/],
  ["answers too much", ["-DMODE=LONG"], "output_limit", /wrote more than 1048576 bytes/],
  ["is of another version", ["-DVERSION=2"], "exit", /spider_venom_abi_version says 2, and zss knows version 1/],
  ["has no room", ["-DNO_ROOM"], "exit", /spider_venom_alloc has no room for 7 bytes/],
  [
    "imports what is missing",
    ["-DMISSING"],
    "launch",
    /imports what zss does not offer: the function "launch_missiles" of "env"/,
  ],
];
for (const [what, flags, reason, message] of lies) {
  test(`says what happened when a module with the pair ${what}`, async () => {
    const result = await once({ module_path: pair(crypto.randomUUID(), ...flags) });
    assert.ok(!result.ok);
    assert.equal(result.reason, reason, result.message);
    assert.match(result.message, message);
  });
}

const unusable: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ["is no module", { module_path: "deno.json" }, /it is no module that can be run: It does not begin as/],
  ["lacks its entry", { entrypoint: "nothing" }, /does not export the function "nothing"; correct runtime\.entrypoint/],
  ["is another one than its manifest pins", { sha256: "0".repeat(64) }, /its SHA-256 is [0-9a-f]{64}/],
];
for (const [what, runtime, message] of unusable) {
  test(`is offline when its module ${what}, and says so`, async () => {
    const of = driver(runtime);
    const health = await of.health();
    assert.deepEqual([health.state, message.test(health.detail ?? "")], ["offline", true], health.detail ?? "");
    const result = await call(of);
    assert.ok(!result.ok);
    assert.equal(result.reason, "launch");
    assert.match(result.message, message);
    await of.close();
  });
}

const config = (runtime: Record<string, unknown>): WasmConfig => wasmConfig.parse({ type: "wasm", ...runtime });

Deno.test("runnerArguments() says no more than run, entry, module and arguments when a manifest says no more", () => {
  const given = config({ module_path: "m.wasm", entrypoint: "go", args: ["--dir", "."] });
  assert.deepEqual(runnerArguments(given, "/m.wasm", "/", []), ["run", "--invoke", "go", "/m.wasm", "--dir", "."]);
});

Deno.test("runnerArguments() hands limits, folders and variables to the runner before the module", () => {
  const given = config({ module_path: "m.wasm", fuel: 1234, max_memory_bytes: 65_536, preopens: { "/data": "d" } });
  assert.deepEqual(
    runnerArguments(given, "/m.wasm", "/srv", ["A=b"]),
    ["run", "-W", "fuel=1234", "-W", "max-memory-size=65536", "--dir", "/srv/d::/data", "--env", "A=b", "/m.wasm"],
  );
});

test("hands a module to an external runner, with the payload as its input", async () => {
  const runner = join(folder, "runner");
  writeFileSync(runner, '#!/bin/sh\nprintf "%s|" "$@"\ncat\n');
  chmodSync(runner, 0o755);
  const result = await once({ runner_path: runner, args: ["x"] });
  assert.ok(result.ok);
  assert.equal(text(result.stdout), `run|${module}|x|{"a":1}`);
});

Deno.test("wasm is offline when its external runner is not there, and says so", async () => {
  const of = driver({ runner_path: "no-such-runner", module_path: "deno.json" });
  assert.match((await of.health()).detail ?? "", /Cannot start "no-such-runner".*runtime\.runner_path/);
  await of.close();
});
