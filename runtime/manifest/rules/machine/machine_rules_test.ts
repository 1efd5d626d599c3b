/**
 * The rules that ask the machine, against a machine that is made up. A question
 * that a case does not answer fails it, so a case also says what is not asked.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { JsonObject, MachineProbe, MachineRule, ValuePath } from "../../rule.ts";
import { architecture } from "./architecture.ts";
import { executableFound } from "./executable_found.ts";
import { library } from "./library.ts";
import { machineRules } from "./mod.ts";
import { sha256 } from "./sha256.ts";
import { wasmEntry } from "./wasm_entry.ts";
import { wasmImport } from "./wasm_import.ts";
import { wasmModule } from "./wasm_module.ts";

type Answer<Name extends "program" | "file" | "machineCode" | "library" | "wasm"> = Awaited<
  ReturnType<MachineProbe[Name]>
>;

/** What the machine says when it is asked. */
interface Answers {
  readonly program?: Answer<"program">;
  readonly file?: Answer<"file">;
  /** As `os arch`. */
  readonly code?: readonly string[];
  /** Null for a file that cannot be read. */
  readonly digest?: string | null;
  readonly library?: Answer<"library">;
  readonly wasm?: Answer<"wasm">;
}

/** A machine, and what it was asked in order. */
function scripted(answers: Answers): { readonly probe: MachineProbe; readonly asked: string[] } {
  const asked: string[] = [];
  const answer = <Value>(question: string, value: Value | undefined): Promise<Value> => {
    asked.push(question);
    assert.ok(value !== undefined, `This case has no answer to: ${question}`);
    return Promise.resolve(value);
  };
  const code = answers.code?.map((target) => {
    const [os = "", arch = ""] = target.split(" ");
    return { os, arch };
  });
  const probe: MachineProbe = {
    system: { os: "linux", arch: "x86_64" },
    program: (name, cwd) => answer(`program ${name} from ${cwd ?? "the node"}`, answers.program),
    file: (path) => answer(`file ${path}`, answers.file),
    machineCode: (file) => answer(`code of ${file}`, code),
    sha256: async (file) => await answer(`digest of ${file}`, answers.digest) ?? undefined,
    library: (file, symbol) => answer(`library ${file} with ${symbol}`, answers.library),
    wasm: (file) => answer(`module ${file}`, answers.wasm),
  };
  return { probe, asked };
}

const proc = (more: JsonObject = {}): JsonObject => ({
  runtime: { type: "native_proc", executable_path: "camera", ...more },
});
const inproc = (more: JsonObject = {}): JsonObject => ({
  runtime: { type: "native_inproc", library_path: "camera.so", ...more },
});
const wasm = (more: JsonObject = {}): JsonObject => ({
  runtime: { type: "wasm", module_path: "camera.wasm", ...more },
});

const MISSING = { found: false, reason: "it is not there" } as const;
const NO_PROGRAM = { found: false, reason: '"/n/camera" does not exist' } as const;
const PROGRAM = { found: true, file: "/bin/camera" } as const;
const LIBRARY = { found: true, file: "/n/camera.so" } as const;
const MODULE = { found: true, file: "/n/camera.wasm" } as const;
const [A, B] = ["a".repeat(64), "b".repeat(64)];

/** A module with exports as `name kind` and imports as `module name kind`. */
function moduleWith(exports: readonly string[], imports: readonly string[] = []): Answer<"wasm"> {
  return {
    ok: true,
    exports: exports.map((text) => text.split(" ")).map(([name = "", kind = "function"]) => ({ name, kind })),
    imports: imports.map((text) => text.split(" "))
      .map(([module = "", name = "", kind = "function"]) => ({ module, name, kind })),
  };
}

const NO_WASM = { ok: false, reason: "expected magic word" } as const;
const VENOM = ["spider_venom_alloc", "spider_venom_invoke_json"];

/** Cases in which a rule says nothing. */
const SILENT: readonly (readonly [MachineRule, string, JsonObject, Answers])[] = [
  [executableFound, "a program that is found", proc(), { program: PROGRAM }],
  [executableFound, "a library", inproc(), {}],
  [executableFound, "a manifest without a runtime", {}, {}],
  [executableFound, "a path that is no text", proc({ executable_path: 7 }), {}],
  [architecture, "a program for this machine", proc(), { program: PROGRAM, code: ["linux x86_64"] }],
  [architecture, "a file for several machines", inproc(), { file: LIBRARY, code: ["linux arm", "linux x86_64"] }],
  [architecture, "a script", proc(), { program: PROGRAM, code: [] }],
  [architecture, "a program that is missing", proc(), { program: NO_PROGRAM }],
  [architecture, "a library that is missing", inproc(), { file: MISSING }],
  [architecture, "a module", wasm(), {}],
  [sha256, "the file that is pinned", proc({ sha256: A }), { program: PROGRAM, digest: A }],
  [sha256, "a file that nobody pinned", proc(), {}],
  [sha256, "a file that is missing", wasm({ sha256: A }), { file: MISSING }],
  [sha256, "a file that cannot be read", wasm({ sha256: A }), { file: MODULE, digest: null }],
  [library, "a library that exports the function", inproc(), {
    file: LIBRARY,
    code: ["linux x86_64"],
    library: { ok: true },
  }],
  [library, "a library for another machine, and does not load it", inproc(), {
    file: LIBRARY,
    code: ["macos aarch64"],
  }],
  [library, "a library that is not the pinned one, and does not load it", inproc({ sha256: A }), {
    file: LIBRARY,
    code: [],
    digest: B,
  }],
  [library, "a program", proc(), {}],
  [wasmModule, "a module that can be read", wasm(), { file: MODULE, wasm: moduleWith([]) }],
  [wasmModule, "a library", inproc(), {}],
  [wasmEntry, "a module with _start", wasm(), { file: MODULE, wasm: moduleWith(["_start"]) }],
  [wasmEntry, "a module with the pair and its memory", wasm(), {
    file: MODULE,
    wasm: moduleWith([...VENOM, "memory memory"]),
  }],
  [wasmEntry, "a module with the named function", wasm({ entrypoint: "run" }), {
    file: MODULE,
    wasm: moduleWith(["run"]),
  }],
  [wasmEntry, "a module that is missing", wasm(), { file: MISSING }],
  [wasmEntry, "a file that is no WebAssembly", wasm(), { file: MODULE, wasm: NO_WASM }],
  [wasmImport, "a module that needs nothing", wasm(), { file: MODULE, wasm: moduleWith([]) }],
  [wasmImport, "a module that needs what the host offers", wasm(), {
    file: MODULE,
    wasm: moduleWith([], [
      "wasi_snapshot_preview1 fd_write",
      "wasi_snapshot_preview1 sock_accept",
      "spider_host_v1 spider_host_capabilities",
      "spider_host_v1 spider_host_now_ms",
      "spider_host_v1 spider_host_log",
      "spider_host_v1 spider_host_random_fill",
      "spider_host_v1 spider_host_emit_event_json",
    ]),
  }],
  [wasmImport, "a file that is no WebAssembly", wasm(), { file: MODULE, wasm: NO_WASM }],
  [wasmImport, "a module that a runner of its own runs", wasm({ runner_path: "wasmtime" }), {
    file: MODULE,
    wasm: moduleWith([], ["env printf"]),
  }],
];

for (const [rule, thing, manifest, answers] of SILENT) {
  Deno.test(`${rule.id} says nothing of ${thing}`, async () => {
    assert.deepEqual(await rule.check(manifest, scripted(answers).probe), []);
  });
}

/** Cases in which a rule finds something: where, and a part of the message. */
const FOUND: readonly (readonly [MachineRule, string, JsonObject, Answers, ValuePath, string])[] = [
  [
    executableFound,
    "a missing program",
    proc(),
    { program: NO_PROGRAM },
    ["runtime", "executable_path"],
    'runtime.executable_path "camera" cannot be started: "/n/camera" does not exist',
  ],
  [
    executableFound,
    "a folder",
    proc(),
    { program: { found: false, reason: '"/n/camera" is not a file' } },
    ["runtime", "executable_path"],
    'runtime.executable_path "camera" cannot be started: "/n/camera" is not a file',
  ],
  [
    executableFound,
    "a file that is not executable",
    proc(),
    { program: { found: false, reason: '"/n/camera" is not executable' } },
    ["runtime", "executable_path"],
    'runtime.executable_path "camera" cannot be started: "/n/camera" is not executable',
  ],
  [
    architecture,
    "a program for another system",
    proc(),
    { program: PROGRAM, code: ["macos x86_64"] },
    ["runtime", "executable_path"],
    '"camera" is built for another machine: macos x86_64 found, linux x86_64 wanted',
  ],
  [
    architecture,
    "a library for other processors",
    inproc(),
    { file: LIBRARY, code: ["linux arm", "linux aarch64"] },
    ["runtime", "library_path"],
    '"camera.so" is built for another machine: linux arm, linux aarch64 found, linux x86_64 wanted',
  ],
  [
    sha256,
    "a program that is not the pinned one",
    proc({ sha256: A }),
    { program: PROGRAM, digest: B },
    ["runtime", "sha256"],
    '"camera" is not the file that is pinned: bbbbbbbbbbbb… found, aaaaaaaaaaaa… wanted',
  ],
  [
    sha256,
    "a module that is not the pinned one",
    wasm({ sha256: B }),
    { file: MODULE, digest: A },
    ["runtime", "sha256"],
    '"camera.wasm" is not the file that is pinned: aaaaaaaaaaaa… found, bbbbbbbbbbbb… wanted',
  ],
  [
    library,
    "a missing library",
    inproc(),
    { file: MISSING },
    ["runtime", "library_path"],
    'library "camera.so" cannot be read: it is not there',
  ],
  [
    library,
    "a library that does not load",
    inproc(),
    { file: LIBRARY, code: [], library: { ok: false, problem: "load", reason: "it took longer than 5000 ms" } },
    ["runtime", "library_path"],
    'library "camera.so" cannot be loaded: it took longer than 5000 ms',
  ],
  [
    library,
    "a pinned library that cannot be read",
    inproc({ sha256: A }),
    {
      file: LIBRARY,
      code: [],
      digest: null,
      library: { ok: false, problem: "load", reason: "permission denied" },
    },
    ["runtime", "library_path"],
    'library "camera.so" cannot be loaded: permission denied',
  ],
  [
    library,
    "a library without the default function",
    inproc(),
    { file: LIBRARY, code: ["linux x86_64"], library: { ok: false, problem: "symbol", reason: "undefined symbol" } },
    ["runtime", "library_path"],
    'library "camera.so" does not export the function "spiderweb_driver_v1_invoke_json"',
  ],
  [
    library,
    "a library without the named function",
    inproc({ invoke_symbol: "run" }),
    { file: LIBRARY, code: ["linux x86_64"], library: { ok: false, problem: "symbol", reason: "undefined symbol" } },
    ["runtime", "invoke_symbol"],
    'library "camera.so" does not export the function "run"',
  ],
  [
    wasmModule,
    "a missing module",
    wasm(),
    { file: MISSING },
    ["runtime", "module_path"],
    'module "camera.wasm" cannot be read: it is not there',
  ],
  [
    wasmModule,
    "a file that is no WebAssembly",
    wasm(),
    { file: MODULE, wasm: NO_WASM },
    ["runtime", "module_path"],
    'module "camera.wasm" is no WebAssembly: expected magic word',
  ],
  [
    wasmEntry,
    "a module without the named function",
    wasm({ entrypoint: "run" }),
    { file: MODULE, wasm: moduleWith(["_start", "run memory"]) },
    ["runtime", "entrypoint"],
    'module "camera.wasm" does not export the function "run"',
  ],
  [
    wasmEntry,
    "a module with the pair and no memory",
    wasm(),
    { file: MODULE, wasm: moduleWith(VENOM) },
    ["runtime", "module_path"],
    'module "camera.wasm" has nothing to call: neither "_start" nor',
  ],
  [
    wasmEntry,
    "a module with one of the pair",
    wasm(),
    { file: MODULE, wasm: moduleWith(["spider_venom_alloc", "memory memory"]) },
    ["runtime", "module_path"],
    'module "camera.wasm" has nothing to call: neither "_start" nor',
  ],
  [
    wasmImport,
    "a function of an unknown module",
    wasm(),
    { file: MODULE, wasm: moduleWith([], ["env printf"]) },
    ["runtime", "module_path"],
    'module "camera.wasm" needs the function "printf" of "env": the host has none',
  ],
  [
    wasmImport,
    "a function that WASI preview 1 lacks",
    wasm(),
    { file: MODULE, wasm: moduleWith([], ["wasi_snapshot_preview1 sock_open"]) },
    ["runtime", "module_path"],
    'module "camera.wasm" needs the function "sock_open" of "wasi_snapshot_preview1": the host has none',
  ],
  [
    wasmImport,
    "a memory, even under the name of a function",
    wasm(),
    { file: MODULE, wasm: moduleWith([], ["wasi_snapshot_preview1 fd_write memory"]) },
    ["runtime", "module_path"],
    'module "camera.wasm" needs the memory "fd_write" of "wasi_snapshot_preview1": the host has none',
  ],
];

for (const [rule, thing, manifest, answers, path, message] of FOUND) {
  Deno.test(`${rule.id} reports ${thing}`, async () => {
    const findings = await rule.check(manifest, scripted(answers).probe);
    assert.deepEqual(findings.map((finding) => finding.path), [path]);
    assert.equal(findings[0]?.message.slice(0, message.length), message);
  });
}

Deno.test("sha256 gives the whole new line in its hint", async () => {
  const [finding] = await sha256.check(proc({ sha256: A }), scripted({ program: PROGRAM, digest: B }).probe);
  assert.equal(finding?.hint, `if the new file is meant, write "sha256": "${B}"`);
});

Deno.test("executable-found gives the next step for each reason", async () => {
  const hint = async (name: string, reason: string) => {
    const { probe } = scripted({ program: { found: false, reason } });
    return (await executableFound.check(proc({ executable_path: name }), probe))[0]?.hint;
  };
  assert.equal(
    await hint("camera", '"camera" is in no folder of PATH (/bin)'),
    "install the program, or write the path to it",
  );
  assert.equal(await hint("./camera", '"/n/camera" does not exist'), "correct the path");
  assert.equal(await hint("./camera", '"/n/camera" is not a file'), "name the program, not a folder");
  assert.equal(await hint("./camera", '"/n/camera" is not executable'), "make the file executable");
});

Deno.test("executable-found looks from the folder that the manifest names", async () => {
  const { probe, asked } = scripted({ program: PROGRAM });
  await executableFound.check(proc({ cwd: "tools" }), probe);
  assert.deepEqual(asked, ["program camera from tools"]);
});

Deno.test("library asks for the default function, or for the one that the manifest names", async () => {
  const answers = { file: LIBRARY, code: [], library: { ok: true } } as const;
  const [unnamed, named] = [scripted(answers), scripted(answers)];
  await library.check(inproc(), unnamed.probe);
  await library.check(inproc({ invoke_symbol: "run" }), named.probe);
  assert.equal(unnamed.asked.at(-1), "library /n/camera.so with spiderweb_driver_v1_invoke_json");
  assert.equal(named.asked.at(-1), "library /n/camera.so with run");
});

Deno.test("wasm-import names what a module of the host has, when that lacks the function", async () => {
  const { probe } = scripted({ file: MODULE, wasm: moduleWith([], ["spider_host_v1 spider_host_exec"]) });
  const [finding] = await wasmImport.check(wasm(), probe);
  assert.match(finding?.hint ?? "", /^spider_host_v1 has spider_host_capabilities, /);
});

Deno.test("wasm-import reports each import that the host lacks", async () => {
  const imports = ["env a", "wasi_snapshot_preview1 fd_read", "env b"];
  const { probe } = scripted({ file: MODULE, wasm: moduleWith([], imports) });
  const findings = await wasmImport.check(wasm(), probe);
  assert.deepEqual(findings.map(({ message }) => /function "(.)"/.exec(message)?.[1]), ["a", "b"]);
});

Deno.test("machineRules holds every rule of this folder once, all of them errors", () => {
  const rules = [executableFound, architecture, sha256, library, wasmModule, wasmEntry, wasmImport];
  assert.deepEqual(machineRules, rules);
  assert.ok(machineRules.every(({ severity }) => severity === "error"));
});
