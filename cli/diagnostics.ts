/**
 * How findings look on the terminal.
 *
 * @module
 */

import type { Diagnostic } from "../control/protocol/diagnostic.ts";
import type { Paint } from "./paint.ts";

/** Findings one a line, each with its hint below it. */
export function diagnosticLines(findings: readonly Diagnostic[], paint: Paint): string {
  return findings.map((finding) => {
    const place = `${finding.file}:${finding.start.line}:${finding.start.column}`;
    const severity = finding.severity === "error" ? paint.red("error") : paint.yellow(finding.severity);
    const hint = finding.hint === undefined ? "" : `\n  hint: ${finding.hint}`;
    return `${paint.bold(place)}: ${severity}: ${finding.message} ${paint.dim(`[${finding.rule}]`)}${hint}\n`;
  }).join("");
}
