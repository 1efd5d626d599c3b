/**
 * The examples for CI and editors do what they say, with the real program.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parse as parseJsonc } from "jsonc-parser";
import { parse as parseYaml } from "yaml";
import { programCommand } from "../../drivers/process/mod.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/ci/", import.meta.url));
const BAD = '{\n  "service_id": "front camera",\n  "kind": "camera"\n}\n';

/** A repository with a manifest in it and a `zss` to call. */
function inRepository(body: (folder: string, zss: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "zss-ci-"));
  try {
    mkdirSync(join(folder, "services.d"));
    writeFileSync(join(folder, "services.d/bad.json"), BAD);
    const { file, args } = programCommand([]);
    const zss = join(folder, "zss");
    const words = process.env["ZSS_BIN"] === undefined ? [file, ...args] : [process.env["ZSS_BIN"]];
    writeFileSync(zss, `#!/bin/sh\nexec ${words.map((word) => `'${word}'`).join(" ")} "$@"\n`, { mode: 0o755 });
    body(folder, zss);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function shell(folder: string, script: string, env: Readonly<Record<string, string>>) {
  return spawnSync("bash", ["-eo", "pipefail", "-c", script], {
    cwd: folder,
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
}

Deno.test("examples/ci/github-action annotates findings, writes SARIF and fails the step", () => {
  const action = parseYaml(readFileSync(join(EXAMPLES, "github-action/action.yml"), "utf8"));
  const script: string = action.runs.steps[0].run;
  inRepository((folder, zss) => {
    const env = { ZSS: zss, PATHS: "services.d\n\n", MAX_WARNINGS: "0", SARIF: "out.sarif" };
    const { status, stdout } = shell(folder, script, env);
    assert.equal(status, 1);
    assert.match(
      stdout,
      /^::error file=services\.d\/bad\.json,line=2,endLine=2,col=17,endColumn=30,title=identifier::/,
    );
    assert.equal(JSON.parse(readFileSync(join(folder, "out.sarif"), "utf8")).runs[0].results.length, 1);
  });
});

Deno.test("examples/ci/github-action/workflow.yml names inputs that the action has", () => {
  const workflow = parseYaml(readFileSync(join(EXAMPLES, "github-action/workflow.yml"), "utf8"));
  const action = parseYaml(readFileSync(join(EXAMPLES, "github-action/action.yml"), "utf8"));
  const [, step] = workflow.jobs.lint.steps;
  for (const name of Object.keys(step.with)) assert.ok(Object.hasOwn(action.inputs, name), name);
});

Deno.test("examples/ci/pre-commit stops a commit with a bad manifest and looks at nothing else", () => {
  inRepository((folder, zss) => {
    const git = (...args: string[]) =>
      assert.equal(spawnSync("git", ["-C", folder, ...args]).status, 0, args.join(" "));
    git("init", "-q");
    const hook = readFileSync(join(EXAMPLES, "pre-commit/pre-commit"), "utf8");
    assert.equal(shell(folder, hook, { ZSS: zss }).status, 0);
    git("add", "services.d/bad.json");
    const { status, stdout } = shell(folder, hook, { ZSS: zss });
    assert.notEqual(status, 0);
    assert.match(stdout, /services\.d\/bad\.json:2:17: error/);
  });
});

Deno.test("examples/ci/pre-commit/.pre-commit-config.yaml calls commands that exist", () => {
  const { repos } = parseYaml(readFileSync(join(EXAMPLES, "pre-commit/.pre-commit-config.yaml"), "utf8"));
  inRepository((folder, zss) => {
    for (const { entry } of repos[0].hooks) {
      const [, ...words] = String(entry).split(" ");
      const { status } = spawnSync(zss, [...words, "services.d/bad.json"], { cwd: folder });
      assert.ok(status === 0 || status === 1, entry);
    }
  });
});

Deno.test("examples/ci/vscode/tasks.json understands what the linter prints", () => {
  const { tasks } = parseJsonc(readFileSync(join(EXAMPLES, "vscode/tasks.json"), "utf8"));
  const { regexp } = tasks[0].problemMatcher.pattern;
  inRepository((folder, zss) => {
    const { stdout } = spawnSync(zss, tasks[0].args, { cwd: folder, encoding: "utf8" });
    const [, file, line, column, severity] = new RegExp(regexp, "m").exec(stdout) ?? [];
    assert.deepEqual([file, line, column, severity], ["services.d/bad.json", "2", "17", "error"]);
  });
});
