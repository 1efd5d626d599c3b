import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import plugin from "./lint_plugin.ts";

/** The ids of the findings in `text`, were it the file at `path`. */
function findings(path: string, text: string): string[] {
  return Deno.lint.runPlugin(plugin, path, text).map((finding) => finding.id.replace("zss/", ""));
}

const PURE = "control/policy/visibility.ts";

/** Rule, what it refuses, code that breaks it in a pure file. */
const REFUSED: readonly (readonly [string, string, string])[] = [
  ["no-deno", "a call of Deno", "export const text = () => Deno.readTextFileSync('a');"],
  ["no-deno", "a part taken out of Deno", "const { env } = Deno; export { env };"],
  ["no-deno", "Deno through the global object", "export const pid = globalThis.Deno.pid;"],
  ["no-deno", "the process object", "export const home = process.env.HOME;"],
  ["no-node-modules", "an import", 'import { join } from "node:path"; export { join };'],
  ["no-node-modules", "an export from", 'export { join } from "node:path";'],
  ["no-node-modules", "an import()", 'export const load = () => import("node:fs");'],
  ["no-time", "Date.now", "export const now = () => Date.now();"],
  ["no-time", "Date.now as a value", "export const clock = { now: Date.now };"],
  ["no-time", "a date of now", "export const now = () => new Date();"],
  ["no-time", "Date as a function", "export const now = () => Date();"],
  ["no-time", "performance", "export const now = () => performance.now();"],
  ["no-time", "a timer", "export const later = (act: () => void) => setTimeout(act, 5);"],
  ["no-chance", "Math.random", "export const roll = () => Math.random();"],
  ["no-chance", "random bytes", "export const draw = () => crypto.getRandomValues(new Uint8Array(4));"],
  ["no-chance", "a random id", "export const id = () => crypto.randomUUID();"],
  ["no-console", "a log line", 'export const say = () => console.log("hello");'],
  ["no-console", "the console as a value", "export const out = { console };"],
];

for (const [rule, thing, code] of REFUSED) {
  Deno.test(`zss/${rule} refuses ${thing} in a pure file`, () => {
    assert.deepEqual(findings(PURE, code), [rule]);
    assert.deepEqual(findings("control/store/sqlite.ts", code), []);
    assert.deepEqual(findings("control/policy/visibility_test.ts", code), []);
    assert.deepEqual(findings("drivers/driver_contract.ts", code), []);
  });
}

Deno.test("zss/* lets pure files use given times, names of members and other people's words", () => {
  const code = `
    import { z } from "zod";
    interface Io { readonly console: string; process(): void }
    export const shape = z.object({ console: z.string(), process: z.string(), performance: z.number() });
    export const read = (io: Io, at: number) => [io.console, io.process(), new Date(at), Date.parse("x"), Math.max(1, 2)];
    export const text = "Date.now() and console.log";
  `;
  assert.deepEqual(findings(PURE, code), []);
});

Deno.test("zss/* takes load.ts and machine_probe.ts for effects and the rest of runtime/manifest for pure", () => {
  const code = 'import { readFileSync } from "node:fs"; export const a = () => readFileSync("a");';
  assert.deepEqual(findings("runtime/manifest/schema.ts", code), ["no-node-modules"]);
  assert.deepEqual(findings("runtime/manifest/rules/mount_path.ts", code), ["no-node-modules"]);
  assert.deepEqual(findings("runtime/manifest/load.ts", code), []);
  assert.deepEqual(findings("runtime/manifest/machine_probe.ts", code), []);
});

Deno.test("zss/no-node-modules lets the digest import createHash and nothing else", () => {
  const path = "control/catalog/digest.ts";
  assert.deepEqual(findings(path, 'import { createHash } from "node:crypto"; export { createHash };'), []);
  assert.deepEqual(findings(path, 'import { createHash as hash } from "node:crypto"; export { hash };'), []);
  for (const names of ["{ createHash, randomBytes }", "* as crypto", "crypto"]) {
    assert.deepEqual(findings(path, `import ${names} from "node:crypto";`), ["no-node-modules"]);
  }
  assert.deepEqual(findings("control/catalog/delta.ts", 'import { createHash } from "node:crypto";'), [
    "no-node-modules",
  ]);
});

Deno.test("zss/one-system-file keeps the name of the system in drivers/process/os.ts and self_command.ts", () => {
  const forms = [
    'export const windows = Deno.build.os === "windows";',
    'export const windows = process.platform === "win32";',
    "const { os } = Deno.build; export { os };",
  ];
  for (const code of forms) {
    assert.deepEqual(findings("runtime/host/host.ts", code), ["one-system-file"], code);
    for (const path of ["drivers/process/os.ts", "drivers/process/self_command.ts", "drivers/process/os_test.ts"]) {
      assert.deepEqual(findings(path, code), [], path);
    }
  }
  assert.deepEqual(findings("drivers/wasm/run.ts", "export const inside = Deno.build.standalone;"), []);
});

Deno.test("zss/one-main lets only cli/main.ts ask whether it is the program", () => {
  const code = "if (import.meta.main) globalThis.close();";
  assert.deepEqual(findings("control/server/serve.ts", code), ["one-main"]);
  assert.deepEqual(findings("cli/main.ts", code), []);
  assert.deepEqual(findings("scripts/compile.ts", code), []);
});

Deno.test("zss/error-message wants a capital letter or a quotation mark first and no full stop last", () => {
  const path = "runtime/host/host.ts";
  const good = [
    'new Error("Cannot start")',
    "new Error(text)",
    "new Error()",
    'new RangeError(`Cannot start "${name}"`)',
    "new Error(`${name} is taken`)",
    'new ZssError("bad_thing", \'"a" is taken\')',
    'new FsError(2, "file not found")',
    'new SyntaxError("a whole number is wanted")',
  ];
  for (const code of good) assert.deepEqual(findings(path, `throw ${code};`), [], code);
  const bad = [
    'new Error("cannot start")',
    'new TypeError("Cannot start.")',
    "new Error(`cannot start ${name}`)",
    "new Error(`Cannot start ${name}.`)",
    'new ZssError("bad_thing", "cannot start")',
  ];
  for (const code of bad) assert.deepEqual(findings(path, `throw ${code};`), ["error-message"], code);
  assert.deepEqual(findings("runtime/host/host_test.ts", 'throw new Error("boom");'), []);
});

Deno.test("deno lint reads these rules: deno.json names the plugin", () => {
  const settings: { lint?: { plugins?: string[] } } = JSON.parse(
    readFileSync(new URL("../deno.json", import.meta.url), "utf8"),
  );
  assert.deepEqual(settings.lint?.plugins, ["./scripts/lint_plugin.ts"]);
});
