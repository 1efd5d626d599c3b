/**
 * The forms of a linter's report; each is loaded when it is asked for.
 *
 * @module
 */

import { usageError } from "../../errors.ts";
import type { LintRenderer } from "./report.ts";

export { countOf, type LintRenderer, type LintReport, summaryLine } from "./report.ts";

/** Every form; a new one is a file of that name, which exports `render`, and a word here. */
export const lintForms: readonly string[] = ["text", "json", "ndjson", "github", "sarif", "junit"];

/** @throws {ZssError} `usage` for a form that nobody knows. */
export async function lintRenderer(form: string): Promise<LintRenderer> {
  if (!lintForms.includes(form)) {
    throw usageError(`Cannot report as "${form}": no such form`, `use one of ${lintForms.join(", ")}`);
  }
  // A computed address, like that of a command (cli/routes.ts), and for the same reason.
  const module: { readonly render: LintRenderer } = await import(new URL(`./${form}.ts`, import.meta.url).href);
  return module.render;
}
