/**
 * The forms of a linter's report; each is loaded when it is asked for.
 *
 * @module
 */

import { usageError } from "../../errors.ts";
import type { LintRenderer } from "./report.ts";

export { countOf, type LintRenderer, type LintReport, summaryLine } from "./report.ts";

/** Every form; a new one is a file and a line here. */
const forms: Readonly<Record<string, () => Promise<LintRenderer>>> = {
  text: async () => (await import("./text.ts")).renderText,
  json: async () => (await import("./json.ts")).renderJson,
  ndjson: async () => (await import("./ndjson.ts")).renderNdjson,
  github: async () => (await import("./github.ts")).renderGithub,
  sarif: async () => (await import("./sarif.ts")).renderSarif,
  junit: async () => (await import("./junit.ts")).renderJunit,
};

/** Names of the forms. */
export const lintForms: readonly string[] = Object.keys(forms);

/** @throws {ZssError} `usage` for a form that nobody knows. */
export async function lintRenderer(form: string): Promise<LintRenderer> {
  const load = Object.hasOwn(forms, form) ? forms[form] : undefined;
  if (load === undefined) {
    throw usageError(`Cannot report as "${form}": no such form`, `use one of ${lintForms.join(", ")}`);
  }
  return await load();
}
