/**
 * What a run of the linter has to say, in no form yet.
 *
 * @module
 */

import type { Diagnostic, Severity } from "../../../control/protocol/diagnostic.ts";
import type { Paint } from "../../paint.ts";

/** The outcome of a run. */
export interface LintReport {
  /** Every file that was looked at, in order. */
  readonly files: readonly string[];
  /** How many of them say `enabled: false`. */
  readonly disabled: number;
  /** How many findings were mended before this report. */
  readonly fixed: number;
  /** In the order of the files, then of their places. */
  readonly findings: readonly Diagnostic[];
  /** Texts of files with findings. */
  readonly texts: ReadonlyMap<string, string>;
  /** What the rules say about themselves; empty unless a form asks for it. */
  readonly rules: readonly { readonly id: string; readonly severity: Severity; readonly reason: string }[];
  /** Version of the program; likewise. */
  readonly version: string;
}

/** A form of report. */
export type LintRenderer = (report: LintReport, paint: Paint) => string;

/** How many findings there are of each severity. */
export function countOf(findings: readonly Diagnostic[]): Readonly<Record<Severity, number>> {
  const count = { error: 0, warning: 0, info: 0 };
  for (const { severity } of findings) count[severity]++;
  return count;
}

/** `2 errors, 1 warning`; `no problems` for nothing. */
export function countWords(findings: readonly Diagnostic[]): string {
  const { error, warning, info } = countOf(findings);
  const words = [
    ...(error > 0 ? [`${error} error${error === 1 ? "" : "s"}`] : []),
    ...(warning > 0 ? [`${warning} warning${warning === 1 ? "" : "s"}`] : []),
    ...(info > 0 ? [`${info} hint${info === 1 ? "" : "s"}`] : []),
  ];
  return words.length === 0 ? "no problems" : words.join(", ");
}

/** The one line at the end of a run. */
export function summaryLine({ files, disabled, fixed, findings }: LintReport): string {
  const off = disabled > 0 ? `, ${disabled} disabled` : "";
  const mended = fixed > 0 ? `, ${fixed} fixed` : "";
  return `${files.length} manifest${files.length === 1 ? "" : "s"} checked${off}${mended}: ${countWords(findings)}\n`;
}
