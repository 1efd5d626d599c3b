/**
 * Runs what the documents show: console blocks print what stands below them,
 * TypeScript snippets type-check, links lead somewhere. The conventions are
 * those of scripts/doc_blocks.ts.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { localLinks } from "../scripts/doc_blocks.ts";
import { runDocument } from "../scripts/doc_shell.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const DOCUMENTS = [
  ...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
].sort();

/** The documents of the shell's own tests need bash; Windows has none by default. */
const HAS_NO_BASH = Deno.build.os === "windows";

for (const path of DOCUMENTS) {
  const text = readFileSync(join(ROOT, path), "utf8");

  Deno.test({ name: `${path}: every console block prints what it shows`, ignore: HAS_NO_BASH }, async () => {
    const fault = await runDocument(text);
    assert.equal(fault, undefined, `\n${path}, ${fault}\n`);
  });

  Deno.test(`${path}: every link to a file of the project leads to one`, () => {
    const lost = localLinks(text).filter((target) => !existsSync(join(ROOT, path, "..", decodeURI(target))));
    assert.deepEqual(lost, []);
  });
}

Deno.test("every TypeScript snippet of the documents type-checks", async () => {
  const withSnippets = DOCUMENTS.filter((path) =>
    /^```(ts|typescript)\b/m.test(readFileSync(join(ROOT, path), "utf8"))
  );
  if (withSnippets.length === 0) return;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", "--doc-only", ...withSnippets],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
});
