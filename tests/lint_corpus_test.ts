/**
 * The linter against its corpus: each case of testdata/lint is a manifest, or a
 * folder of them, beside the output that is expected.
 *
 * `ZSS_UPDATE=1` writes the outputs again; read the difference before you
 * commit it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { runCli } from "../cli/app.ts";
import { ManualClock, platform } from "../drivers/process/mod.ts";
import { allRules } from "../runtime/manifest/mod.ts";

const ROOT = fileURLToPath(new URL("../testdata/lint/", import.meta.url));
const UPDATE = process.env["ZSS_UPDATE"] !== undefined;

const CASES = ["ok", "err"].flatMap((kind) =>
  readdirSync(join(ROOT, kind)).filter((name) => !name.endsWith(".out")).sort().map((name) => `${kind}/${name}`)
);

/** What the program prints for a case, with its exit code. */
async function lint(path: string): Promise<string> {
  let text = "";
  const stream = { write: (part: string) => void (text += part), isTerminal: false };
  // Relative paths of a manifest start from the folder in which the program runs.
  Deno.chdir(ROOT);
  const machine = /\.machine\.(json|jsonc|d)$/.test(path) ? ["--machine"] : [];
  const code = await runCli(["manifest", "lint", ...machine, path], {
    stdout: stream,
    stderr: stream,
    env: { PATH: "/usr/bin:/bin" },
    interrupted: new AbortController().signal,
    clock: new ManualClock(),
    readStdin: () => Promise.reject(new Error("Nothing is read from standard input here")),
  });
  // The outputs were written on one machine and hold its name.
  const named = text.replaceAll(`${platform} ${Deno.build.arch}`, "linux x86_64");
  return `${named.replaceAll(ROOT, "")}exit ${code}\n`;
}

for (const path of CASES) {
  Deno.test(`zss manifest lint ${path} prints what stands beside it`, async () => {
    const output = await lint(path);
    const file = join(ROOT, `${path}.out`);
    if (UPDATE) writeFileSync(file, output);
    assert.equal(output, readFileSync(file, "utf8"));
  });
}

Deno.test("testdata/lint holds at least 120 cases, and two findings of every rule", () => {
  assert.ok(CASES.length >= 120, `${CASES.length} cases`);
  const outputs = CASES.filter((path) => path.startsWith("err/") && existsSync(join(ROOT, `${path}.out`)))
    .map((path) => readFileSync(join(ROOT, `${path}.out`), "utf8"));
  const few = allRules.filter(({ id }) => outputs.filter((output) => output.includes(` [${id}]\n`)).length < 2);
  assert.deepEqual(few.map(({ id }) => id), []);
});

Deno.test("testdata/lint has no output without its case", () => {
  const outputs = ["ok", "err"].flatMap((kind) =>
    readdirSync(join(ROOT, kind)).filter((name) => name.endsWith(".out")).map((name) => `${kind}/${name.slice(0, -4)}`)
  );
  assert.deepEqual(outputs.filter((path) => !CASES.includes(path)), []);
});
