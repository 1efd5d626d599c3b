/**
 * Builds the C sources of tests and examples, where there is a compiler.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../", import.meta.url);

/** Why no library can be built here; undefined when one can. */
export const noLibraries: string | undefined = Deno.build.os === "windows"
  ? "there is no cc"
  : missing("cc", ["--version"]);

/** Why no module can be built here; undefined when one can. */
export const noModules: string | undefined = missing("clang", [
  ...[
    "--target=wasm32-wasi",
    "-x",
    "c",
    "-include",
    "stdio.h",
    "-o",
    join(tmpdir(), `zss-${crypto.randomUUID()}.wasm`),
  ],
  ...["-Dmain=main", "-"],
], "int main(void) { return 0; }");

/** Runs the compiler; a file that it makes is removed. */
function missing(file: string, args: readonly string[], input = ""): string | undefined {
  const { error, status, stderr } = spawnSync(file, args, { input, encoding: "utf8" });
  const output = args[args.indexOf("-o") + 1];
  if (args.includes("-o") && output !== undefined) rmSync(output, { force: true });
  if (error !== undefined) return `there is no ${file}`;
  return status === 0 ? undefined : `${file} cannot build: ${stderr.split("\n")[0]}`;
}

/** A folder that is removed when the tests of this process have ended. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "zss-test-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Builds a shared library. */
export function buildLibrary(source: string, output: string, ...flags: readonly string[]): string {
  return build("cc", ["-O2", "-shared", "-fPIC", ...flags, "-o", output, pathOf(source)], output);
}

/** Builds a module for WASI preview 1. */
export function buildModule(source: string, output: string, ...flags: readonly string[]): string {
  return build("clang", ["--target=wasm32-wasi", "-O2", ...flags, "-o", output, pathOf(source)], output);
}

function build(file: string, args: readonly string[], output: string): string {
  const { error, status, stderr } = spawnSync(file, args, { encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`Cannot build "${output}": ${stderr}`);
  return output;
}

/** Absolute path of a file of the project. */
export function pathOf(source: string): string {
  return fileURLToPath(new URL(source, ROOT));
}
