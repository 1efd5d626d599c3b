/**
 * Mends manifests in their files.
 *
 * @module
 */

import { errorText, ZssError } from "../control/protocol/errors.ts";
import type { Diagnostic, TextEdit } from "../control/protocol/diagnostic.ts";
import { writeAtomically } from "../runtime/state/atomic_file.ts";
import { lintFiles, type LintOutcome, type LintRequest } from "../runtime/manifest/lint_files.ts";

/** Mending one thing can show the next; more rounds than this would go in a circle. */
const MOST_ROUNDS = 10;

/**
 * Applies every fix, checks again, and so on until there is nothing left to fix.
 *
 * Files are replaced as a whole; comments and layout stay. A manifest that did
 * not come from a file is handed to `give` in its mended form.
 */
export async function fixFiles(
  first: LintOutcome,
  request: LintRequest,
  give: (mended: string) => void,
): Promise<{ readonly outcome: LintOutcome; readonly fixed: number }> {
  let outcome = first;
  let fixed = 0;
  let texts = request.texts ?? [];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const fixable = outcome.findings.filter(({ fix }) => fix !== undefined);
    if (fixable.length === 0) break;
    for (const [file, findings] of Map.groupBy(fixable, ({ file }) => file)) {
      const text = outcome.texts.get(file);
      if (text === undefined) continue;
      const { mended, count } = applyFixes(text, findings);
      fixed += count;
      if (texts.some((one) => one.file === file)) {
        texts = texts.map((one) => one.file === file ? { file, bytes: new TextEncoder().encode(mended) } : one);
      } else await replace(file, mended);
    }
    outcome = await lintFiles({ ...request, texts });
  }
  for (const { bytes } of texts) give(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
  return { outcome, fixed };
}

async function replace(file: string, text: string): Promise<void> {
  try {
    await writeAtomically(await Deno.realPath(file), text, ((await Deno.stat(file)).mode ?? 0o644) & 0o7777);
  } catch (cause) {
    throw new ZssError("io", `Cannot mend "${file}": ${errorText(cause)}`, {
      hint: "check its rights and those of its folder",
      cause,
    });
  }
}

/** Applies the fixes that do not touch each other; the others have their turn in the next round. */
function applyFixes(
  text: string,
  findings: readonly Diagnostic[],
): { readonly mended: string; readonly count: number } {
  const taken: TextEdit[] = [];
  let count = 0;
  for (const { fix } of findings) {
    const edits = fix?.edits ?? [];
    if (edits.some((edit) => taken.some((other) => overlap(edit, other)))) continue;
    taken.push(...edits);
    count++;
  }
  const mended = taken.sort((one, other) => other.offset - one.offset)
    .reduce((whole, { offset, length, text }) => whole.slice(0, offset) + text + whole.slice(offset + length), text);
  return { mended, count };
}

function overlap(one: TextEdit, other: TextEdit): boolean {
  return one.offset < other.offset + other.length && other.offset < one.offset + one.length;
}
