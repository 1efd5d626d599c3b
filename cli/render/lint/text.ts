import type { Diagnostic } from "../../../control/protocol/diagnostic.ts";
import { maskSecrets } from "../../../runtime/manifest/mod.ts";
import { diagnosticLines } from "../../diagnostics.ts";
import type { Paint } from "../../paint.ts";
import type { LintReport } from "./report.ts";

/** Findings for people: place, message, the line with a caret below it, hint. */
export function render({ findings, texts }: LintReport, paint: Paint): string {
  const lines = new Map<string, readonly string[]>();
  const lineOf = ({ file, start }: Diagnostic) => {
    let split = lines.get(file);
    if (split === undefined) {
      lines.set(file, split = (texts.get(file) ?? "").replace(/^\ufeff/, "").split(/\r\n|\n|\r/));
    }
    // The place of one finding may show the secret of another.
    const line = split[start.line - 1];
    return line === undefined ? undefined : hide(maskSecrets(line), start.line, file, findings);
  };
  return diagnosticLines(findings, paint, lineOf);
}

/** The line with the places of secrets that are known by their names only replaced by dots. */
function hide(line: string, number: number, file: string, findings: readonly Diagnostic[]): string {
  return findings.reduce((shown, { rule, file: at, start, end }) => {
    if (rule !== "secret" || at !== file || start.line !== number || end.line !== number) return shown;
    const [from, to] = [start.column - 1, end.column - 1];
    return shown.slice(0, from) + "•".repeat(to - from) + shown.slice(to);
  }, line);
}
