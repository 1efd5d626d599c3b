import type { Diagnostic } from "../../../control/protocol/diagnostic.ts";
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
    return split[start.line - 1];
  };
  return diagnosticLines(findings, paint, lineOf);
}
