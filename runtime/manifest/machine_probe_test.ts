/**
 * The probe against the machine that the tests run on.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { currentOs } from "../../drivers/process/mod.ts";
import { createMachineProbe } from "./machine_probe.ts";
import type { MachineProbe } from "./rule.ts";

const SYMBOL = "spiderweb_driver_v1_invoke_json";
const NOT_HERE = currentOs.platform === "windows" ? " (left out on Windows: there is no /bin/sh)" : "";
const gcc = currentOs.findProgram("gcc", { path: process.env["PATH"] ?? "", cwd: process.cwd() });
const NO_GCC = gcc.found ? "" : ` (left out: ${gcc.reason})`;

/** Runs a test with a probe that looks from a new folder. */
async function inFolder(work: (probe: MachineProbe, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "zss-probe-"));
  try {
    await work(createMachineProbe({ cwd: folder, env: process.env }), folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

Deno.test({
  name: `MachineProbe finds /bin/sh by its name and by its path, with the code of this machine${NOT_HERE}`,
  ignore: NOT_HERE !== "",
  fn: async () => {
    const probe = createMachineProbe({ cwd: "/", env: { PATH: "/usr/bin:/bin" } });
    const byName = await probe.program("sh", undefined);
    const byPath = await probe.program("/bin/sh", undefined);
    assert.ok(byName.found && byPath.found);
    assert.deepEqual(await probe.program("./sh", "bin"), { found: true, file: "/bin/sh" });
    assert.deepEqual(await probe.machineCode(byPath.file), [probe.system]);
  },
});

Deno.test("MachineProbe finds this program under the name zss, wherever PATH points", async () => {
  const probe = createMachineProbe({ cwd: process.cwd(), env: {} });
  assert.deepEqual(await probe.program("zss", undefined), { found: true, file: Deno.execPath() });
  assert.deepEqual(await probe.machineCode(Deno.execPath()), [probe.system]);
});

Deno.test("MachineProbe says why a program cannot be started", async () => {
  await inFolder(async (probe, folder) => {
    mkdirSync(join(folder, "sub"));
    writeFileSync(join(folder, "sub", "plain"), "text");
    chmodSync(join(folder, "sub", "plain"), 0o644);
    const reasons = await Promise.all([
      probe.program("no-such-program-of-zss", undefined),
      probe.program("./missing", undefined),
      probe.program("./sub", undefined),
      probe.program("./plain", "sub"),
    ]);
    const endings = [/is in no folder of PATH/, /"[^"]*missing" does not exist$/, /"[^"]*sub" is not a file$/];
    if (NOT_HERE === "") endings.push(/"[^"]*plain" is not executable$/);
    endings.forEach((ending, index) => {
      const answer = reasons[index];
      assert.ok(answer?.found === false);
      assert.match(answer.reason, ending);
    });
  });
});

Deno.test("MachineProbe finds files from its folder and refuses folders", async () => {
  await inFolder(async (probe, folder) => {
    writeFileSync(join(folder, "a.wasm"), "");
    assert.deepEqual(await probe.file("a.wasm"), { found: true, file: join(folder, "a.wasm") });
    assert.deepEqual(await probe.file("b.wasm"), { found: false, reason: "it is not there" });
    assert.deepEqual(await probe.file("."), { found: false, reason: "it is no file" });
  });
});

Deno.test("MachineProbe finds no machine code in a script and in what is not there", async () => {
  await inFolder(async (probe, folder) => {
    writeFileSync(join(folder, "run.sh"), "#!/bin/sh\n");
    assert.deepEqual(await probe.machineCode(join(folder, "run.sh")), []);
    assert.deepEqual(await probe.machineCode(join(folder, "missing")), []);
  });
});

Deno.test("MachineProbe digests a file of many chunks, and says nothing of one that is not there", async () => {
  await inFolder(async (probe, folder) => {
    const bytes = new Uint8Array(1_000_001).map((_, index) => index);
    writeFileSync(join(folder, "a.bin"), bytes);
    assert.equal(await probe.sha256(join(folder, "a.bin")), createHash("sha256").update(bytes).digest("hex"));
    assert.equal(await probe.sha256(join(folder, "missing")), undefined);
  });
});

/** A library whose code runs when it is loaded or unloaded, and what the probe says of it. */
const LIBRARIES: readonly (readonly [string, string, Awaited<ReturnType<MachineProbe["library"]>>])[] = [
  ["loads a library and finds its function", `int ${SYMBOL}(void) { return 0; }`, { ok: true }],
  [
    "hears the answer of a library that prints before and after it",
    `#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void load(void) {
  printf("kept until the end\\n");
  if (write(1, "no line end", 11) < 0) _exit(9);
}
__attribute__((destructor)) static void unload(void) { if (write(1, "42\\n{}\\n", 6) < 0) _exit(9); }
int ${SYMBOL}(void) { return 0; }`,
    { ok: true },
  ],
  [
    "outlives a library that crashes when it is loaded",
    `#include <stdlib.h>
__attribute__((constructor)) static void load(void) { abort(); }`,
    { ok: false, problem: "load", reason: "it ended the process that loaded it by SIGABRT" },
  ],
  [
    "outlives a library that ends the process when it is loaded",
    `#include <stdlib.h>
__attribute__((constructor)) static void load(void) { exit(0); }`,
    { ok: false, problem: "load", reason: "it ended the process that loaded it with code 0" },
  ],
];

for (const [sentence, source, expected] of LIBRARIES) {
  Deno.test({
    name: `MachineProbe ${sentence}${NO_GCC}`,
    ignore: NO_GCC !== "" || NOT_HERE !== "",
    fn: () =>
      inFolder(async (probe, folder) => {
        assert.deepEqual(await probe.library(compiled(folder, source), SYMBOL), expected);
      }),
  });
}

Deno.test({
  name: `MachineProbe says that a library lacks the function${NO_GCC}`,
  ignore: NO_GCC !== "" || NOT_HERE !== "",
  fn: () =>
    inFolder(async (probe, folder) => {
      const file = compiled(folder, `int ${SYMBOL}(void) { return 0; }`);
      const answer = await probe.library(file, "another");
      assert.ok(!answer.ok);
      assert.deepEqual(answer.problem, "symbol");
      assert.match(answer.reason, /another/);
      assert.deepEqual(await probe.machineCode(file), [probe.system]);
    }),
});

Deno.test("MachineProbe cannot load text that is named as a library", async () => {
  await inFolder(async (probe, folder) => {
    writeFileSync(join(folder, "text.so"), "not a library\n");
    const answer = await probe.library(join(folder, "text.so"), SYMBOL);
    assert.ok(!answer.ok && answer.problem === "load");
    assert.notEqual(answer.reason, "");
  });
});

/** A module that imports `fd_write` of WASI preview 1 and exports its memory and `_start`. */
const MODULE = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  // Types: () -> (), and four i32 -> i32.
  ...[0x01, 0x0c, 0x02, 0x60, 0x00, 0x00, 0x60, 0x04, 0x7f, 0x7f, 0x7f, 0x7f, 0x01, 0x7f],
  ...[0x02, 0x23, 0x01, 0x16, ...new TextEncoder().encode("wasi_snapshot_preview1"), 0x08],
  ...[...new TextEncoder().encode("fd_write"), 0x00, 0x01],
  // One function, one page of memory.
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x05, 0x03, 0x01, 0x00, 0x01],
  ...[0x07, 0x13, 0x02, 0x06, ...new TextEncoder().encode("memory"), 0x02, 0x00],
  ...[0x06, ...new TextEncoder().encode("_start"), 0x00, 0x01],
  ...[0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b],
]);

Deno.test("MachineProbe lists what a module exports and imports", async () => {
  await inFolder(async (probe, folder) => {
    writeFileSync(join(folder, "a.wasm"), MODULE);
    assert.deepEqual(await probe.wasm(join(folder, "a.wasm")), {
      ok: true,
      exports: [{ name: "memory", kind: "memory" }, { name: "_start", kind: "function" }],
      imports: [{ module: "wasi_snapshot_preview1", name: "fd_write", kind: "function" }],
    });
  });
});

Deno.test("MachineProbe says why a file is no module", async () => {
  await inFolder(async (probe, folder) => {
    writeFileSync(join(folder, "cut.wasm"), MODULE.subarray(0, 20));
    writeFileSync(join(folder, "text.wasm"), "(module)");
    const answers = await Promise.all(
      ["cut.wasm", "text.wasm", "missing.wasm"].map((name) => probe.wasm(join(folder, name))),
    );
    for (const answer of answers) assert.ok(!answer.ok && answer.reason !== "");
  });
});

function compiled(folder: string, source: string): string {
  const [from, to] = [join(folder, "a.c"), join(folder, "a.so")];
  writeFileSync(from, source);
  execFileSync("gcc", ["-shared", "-fPIC", "-o", to, from], { stdio: "pipe", timeout: 30_000 });
  return to;
}
