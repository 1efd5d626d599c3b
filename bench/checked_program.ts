/**
 * Programs that are measured from their start to their end, and must have said
 * that all is well: nobody wins by failing.
 *
 * ```ts
 * import { checkedProgram } from "./checked_program.ts";
 *
 * const contender = checkedProgram({ name: "version", file: Deno.execPath(), args: ["--version"], says: /^deno \d/ });
 * console.error(await contender.measure());
 * ```
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Contender } from "./harness.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** Ten thousand lines of a peer that names every file fit in. */
const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

/** How `deno` runs a program from its source. */
export const RUN_SOURCE: readonly string[] = ["run", "-A", "--no-check"];

/** A program and what it says when it has done its work. */
export interface CheckedProgram {
  readonly name: string;
  /** Name of the contender that it is compared with, when it is not the peer of the field. */
  readonly peer?: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Found in its standard output followed by its standard error. */
  readonly says: RegExp;
}

/**
 * Makes a contender that yields milliseconds from start to exit.
 *
 * Its exit status and its output are looked at after each run, outside of the
 * time that is taken. A run that ends with another status than 0 or says
 * something else rejects with an error that shows the beginning of the output.
 */
export function checkedProgram({ name, peer, file, args, says }: CheckedProgram): Contender {
  const measure = () => {
    const start = performance.now();
    const { status, error, stdout, stderr } = spawnSync(file, args, {
      encoding: "utf8",
      maxBuffer: MAX_OUTPUT_BYTES,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const took = performance.now() - start;
    if (error !== undefined) throw error;
    if (status !== 0 || !says.test(stdout + stderr)) {
      throw new Error(`Cannot measure "${name}": it ended with ${status}: ${(stderr + stdout).slice(0, 500)}`);
    }
    return took;
  };
  return { name, ...(peer === undefined ? {} : { peer }), measure: () => Promise.resolve().then(measure) };
}

/** A way to start zss. */
export interface Zss {
  readonly from: "source" | "binary";
  readonly file: string;
  /** What comes before the words of the command. */
  readonly args: readonly string[];
}

/** The ways to start zss that there are: from source, and the executable of ZSS_BIN or of dist/. */
export function waysToStart(): { readonly source: Zss; readonly binary?: Zss; readonly notes: readonly string[] } {
  const source: Zss = {
    from: "source",
    file: Deno.execPath(),
    args: [...RUN_SOURCE, join(ROOT, "cli", "main.ts")],
  };
  const file = process.env.ZSS_BIN ?? join(ROOT, "dist", Deno.build.os === "windows" ? "zss.exe" : "zss");
  if (existsSync(file)) return { source, binary: { from: "binary", file, args: [] }, notes: [] };
  return { source, notes: ["no executable: deno task compile, or name one in ZSS_BIN"] };
}
