/**
 * How long a command takes that does next to nothing, from start to exit,
 * beside the least that its runtime and Node can do.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Bench, Contender, Field } from "./harness.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const PEER = "deno run hello.ts";

let folder: string | undefined;

/** `zss version` and `zss --help`, from source and, when there is one, as an executable. */
export const coldStart: Bench = {
  name: "cold_start",
  unit: "ms",
  rounds: 15,
  prepare: () => Promise.resolve(prepare()),
  cleanUp() {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    folder = undefined;
    return Promise.resolve();
  },
};

function prepare(): Field | string {
  const main = join(ROOT, "cli", "main.ts");
  if (!existsSync(main)) return "there is no cli/main.ts yet";
  folder = mkdtempSync(join(tmpdir(), "zss-bench-"));
  const hello = join(folder, "hello.ts");
  writeFileSync(hello, 'console.log("hello");\n');
  const source = ["run", "-A", "--no-check", main];
  const contenders = [
    program(PEER, Deno.execPath(), ["run", "-A", "--no-check", hello]),
    program("zss version (source)", Deno.execPath(), [...source, "version"]),
    program("zss --help (source)", Deno.execPath(), [...source, "--help"]),
  ];
  const notes: string[] = [];
  if (spawnSync("node", ["-e", ""]).error === undefined) contenders.push(program("node -e ''", "node", ["-e", ""]));
  else notes.push("no node on the path");
  const binary = process.env.ZSS_BIN ?? join(ROOT, "dist", "zss");
  if (existsSync(binary)) {
    contenders.push(program("zss version (binary)", binary, ["version"]));
    contenders.push(program("zss --help (binary)", binary, ["--help"]));
  } else notes.push("no executable: deno task compile, or name one in ZSS_BIN");
  return { contenders, peer: PEER, notes };
}

/** Starts a program, awaits its end and takes the time. */
function program(name: string, file: string, args: readonly string[]): Contender {
  const measure = () => {
    const start = performance.now();
    const { status, error, stderr } = spawnSync(file, args, { stdio: ["ignore", "ignore", "pipe"] });
    const took = performance.now() - start;
    if (error !== undefined) throw error;
    if (status !== 0) throw new Error(`Cannot measure "${name}": it ended with ${status}: ${stderr}`);
    return took;
  };
  return { name, measure: () => Promise.resolve().then(measure) };
}
