import type { Diagnostic, Severity } from "../../../control/protocol/diagnostic.ts";
import type { LintReport } from "./report.ts";

/** GitHub shows at most this many annotations of a kind per step, and drops the rest. */
const MOST_ANNOTATIONS = 10;

const COMMANDS: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", info: "notice" };

/**
 * Workflow commands, which GitHub shows beside the lines of a change.
 *
 * Of more than ten of a kind, nine are annotations, the tenth says how many more
 * there are, and those follow in a group of the log.
 */
export function render({ findings }: LintReport): string {
  return (["error", "warning", "info"] as const).map((severity) => {
    const all = findings.filter((finding) => finding.severity === severity);
    if (all.length <= MOST_ANNOTATIONS) return all.map(annotation).join("");
    const shown = all.slice(0, MOST_ANNOTATIONS - 1);
    const rest = all.slice(MOST_ANNOTATIONS - 1);
    const command = COMMANDS[severity];
    const title = `${rest.length} more of this kind`;
    return shown.map(annotation).join("") +
      `::${command} title=${property(title)}::${data(`${title} stand in the log of this step`)}\n` +
      `::group::${title}: ${command}\n${rest.map(plain).join("")}::endgroup::\n`;
  }).join("");
}

function annotation({ severity, file, start, end, rule, message, hint }: Diagnostic): string {
  // A column is only heeded when the finding stays on its line.
  const columns = end.line === start.line
    ? `,col=${start.column},endColumn=${Math.max(start.column, end.column - 1)}`
    : `,col=${start.column}`;
  const text = hint === undefined ? message : `${message}\nhint: ${hint}`;
  return `::${COMMANDS[severity]} file=${property(file)},line=${start.line},endLine=${end.line}${columns},title=${
    property(rule)
  }::${data(text)}\n`;
}

function plain({ file, start, rule, message }: Diagnostic): string {
  return `${data(`${file}:${start.line}:${start.column}: ${message} [${rule}]`)}\n`;
}

function data(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
