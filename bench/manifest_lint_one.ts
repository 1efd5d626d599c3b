/**
 * How long the check of one manifest takes, from start to exit, beside a
 * program of the same kind that only says hello: from source beside from
 * source, an executable beside an executable.
 *
 * The hello world is compiled by the Deno that runs the bench, or by the one
 * that ZSS_BENCH_COMPILER names; with DENORT_BIN set, on top of that runtime.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { checkedProgram, RUN_SOURCE, waysToStart, type Zss } from "./checked_program.ts";
import type { Bench, Contender, Field } from "./harness.ts";
import { sampleManifest } from "./sample_manifest.ts";

const SCRIPT = "deno run hello.ts";
const COMPILED = "compiled hello.ts";
const HELLO = /^hello\n$/;
/** A compiler without network may wait for its runtime. */
const COMPILE_TIMEOUT_MS = 60_000;

let folder: string | undefined;

/** One valid file: what most people run most of the time. */
export const manifestLintOne: Bench = {
  name: "manifest_lint_one",
  unit: "ms",
  rounds: 21,
  prepare: () => Promise.resolve(prepare()),
  cleanUp() {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    folder = undefined;
    return Promise.resolve();
  },
};

function prepare(): Field {
  folder = mkdtempSync(join(tmpdir(), "zss-bench-"));
  const script = join(folder, "hello.ts");
  const manifest = join(folder, "service.json");
  writeFileSync(script, 'console.log("hello");\n');
  writeFileSync(manifest, sampleManifest(0));
  const { source, binary, notes } = waysToStart();
  const contenders = [
    checkedProgram({ name: SCRIPT, file: Deno.execPath(), args: [...RUN_SOURCE, script], says: HELLO }),
    lintOne(source, manifest, SCRIPT),
  ];
  if (binary === undefined) return { contenders, peer: SCRIPT, notes };
  const compiled = join(folder, Deno.build.os === "windows" ? "hello.exe" : "hello");
  const failure = compile(script, compiled);
  if (failure === undefined) {
    contenders.push(checkedProgram({ name: COMPILED, peer: COMPILED, file: compiled, args: [], says: HELLO }));
    contenders.push(lintOne(binary, manifest, COMPILED));
    return { contenders, peer: SCRIPT, notes };
  }
  contenders.push(lintOne(binary, manifest));
  return { contenders, peer: SCRIPT, notes: [...notes, `no compiled hello beside the executable: ${failure}`] };
}

/** Without a peer it is compared with nobody. */
function lintOne({ from, file, args }: Zss, manifest: string, peer?: string): Contender {
  const name = `zss manifest lint FILE (${from})`;
  const says = /^1 manifest checked: no problems\n$/;
  return checkedProgram({ name, peer: peer ?? name, file, args: [...args, "manifest", "lint", manifest], says });
}

/** Compiles the hello world and tries it; says why when either fails. */
function compile(script: string, into: string): string | undefined {
  const compiler = process.env.ZSS_BENCH_COMPILER ?? Deno.execPath();
  const built = spawnSync(
    compiler,
    ["compile", "--allow-all", "--no-check", "--quiet", "--output", into, script],
    { encoding: "utf8", timeout: COMPILE_TIMEOUT_MS, env: { ...process.env, NO_COLOR: "1" } },
  );
  if (built.error !== undefined) return built.error.message;
  if (built.status !== 0) return lastCause(built.stderr);
  // A compiler takes any DENORT_BIN, and a runtime of another release starts nothing.
  const tried = spawnSync(into, [], { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
  if (tried.error !== undefined) return tried.error.message;
  return tried.status === 0 && HELLO.test(tried.stdout) ? undefined : `it does not start: ${lastCause(tried.stderr)}`;
}

/** The innermost cause in what Deno says when it fails. */
function lastCause(stderr: string): string {
  const [said = ""] = stderr.split("Stack backtrace:");
  return (said.trim().split("\n").at(-1) ?? "").replace(/^\s*\d+: /, "");
}
