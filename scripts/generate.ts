/**
 * Writes what is made from the code and committed: `deno task generate`.
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { manifestJsonSchema } from "../runtime/manifest/json_schema.ts";

/** Files relative to the project, and how each is made. */
export const GENERATED_FILES: Readonly<Record<string, () => Promise<string>>> = {
  "schemas/manifest.v1.json": () => Promise.resolve(manifestJsonSchema()),
  // Loaded after the schema is written, since the linter reads it when it starts.
  "docs/lint_rules.md": async () => (await import("./lint_docs.ts")).lintRulesDocument(),
  "docs/policy.md": async () => (await import("./policy_docs.ts")).policyDocument(),
  "docs/manifest.md": async () => (await import("./lint_docs.ts")).manifestDocument(),
};

async function main(): Promise<void> {
  for (const [path, make] of Object.entries(GENERATED_FILES)) {
    const file = fileURLToPath(new URL(`../${path}`, import.meta.url));
    const text = await make();
    if (readFileSync(file, { encoding: "utf8", flag: "a+" }) === text) continue;
    writeFileSync(file, text);
    process.stderr.write(`${path} written\n`);
  }
}

if (import.meta.main) await main();
