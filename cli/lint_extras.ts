/**
 * What `zss manifest lint` needs only now and then: names of rules, the machine,
 * patterns, files to write.
 *
 * Loaded by a computed address. For a literal one the runtime reads all of this
 * before the first line of the command runs, which costs a third of its time.
 *
 * @module
 */

import { existsSync, globSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { errorText, ZssError } from "../control/protocol/errors.ts";

export { allRules, createMachineProbe } from "../runtime/manifest/mod.ts";
export { fixFiles } from "./lint_fix.ts";
export { VERSION } from "./version.ts";

/** Paths as the user means them: what looks like a pattern and is no file is expanded. */
export function expandPatterns(paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => {
    if (!isPattern(path) || existsSync(path)) return [path];
    const found = globSync(path).sort();
    // Kept as it is when nothing fits, so that somebody says so.
    return found.length > 0 ? found : [path];
  });
}

function isPattern(path: string): boolean {
  return /[*?[{]/.test(path);
}

/** @throws {ZssError} `io` */
export async function writeReport(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (cause) {
    throw new ZssError("io", `Cannot write the report "${path}": ${errorText(cause)}`, { cause });
  }
}
