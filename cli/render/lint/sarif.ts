import type { Diagnostic, Severity } from "../../../control/protocol/diagnostic.ts";
import type { LintReport } from "./report.ts";

const LEVELS: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", info: "note" };

/** SARIF 2.1.0, for code scanning and for viewers. */
export function render(report: LintReport): string {
  const indexes = new Map(report.rules.map(({ id }, index) => [id, index]));
  const log = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [{
      tool: {
        driver: {
          name: "zss manifest lint",
          semanticVersion: report.version,
          rules: report.rules.map(({ id, severity, reason }) => ({
            id,
            name: id,
            shortDescription: { text: reason.split(/(?<=[.;:]) /, 1)[0] ?? reason },
            fullDescription: { text: reason },
            defaultConfiguration: { level: LEVELS[severity] },
          })),
        },
      },
      columnKind: "utf16CodeUnits",
      results: report.findings.map((finding) => result(finding, indexes, report)),
      artifacts: [...new Set(report.findings.map(({ file }) => file))].map((file) => ({
        location: { uri: uri(file) },
      })),
    }],
  };
  return JSON.stringify(log, null, 2) + "\n";
}

function result(finding: Diagnostic, indexes: ReadonlyMap<string, number>, { texts }: LintReport): unknown {
  const { rule, severity, file, start, end, message, hint, fix } = finding;
  const index = indexes.get(rule);
  const text = texts.get(file);
  return {
    ruleId: rule,
    ...(index === undefined ? {} : { ruleIndex: index }),
    level: LEVELS[severity],
    message: { text: hint === undefined ? message : `${message}\nHint: ${hint}` },
    locations: [{
      physicalLocation: {
        artifactLocation: { uri: uri(file) },
        region: { startLine: start.line, startColumn: start.column, endLine: end.line, endColumn: end.column },
      },
    }],
    ...(finding.path === undefined ? {} : { properties: { path: finding.path } }),
    ...(fix === undefined || text === undefined ? {} : {
      fixes: [{
        description: { text: fix.title },
        artifactChanges: [{
          artifactLocation: { uri: uri(file) },
          replacements: fix.edits.map(({ offset, length, text: inserted }) => ({
            deletedRegion: { charOffset: offset, charLength: length },
            insertedContent: { text: inserted },
          })),
        }],
      }],
    }),
  };
}

/** A path as a reference: relative ones stay relative, so that they fit the repository. */
function uri(file: string): string {
  const path = file.replaceAll("\\", "/").replace(/^(?:\.\/)+/, "");
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return path.startsWith("/") ? `file://${encoded}` : encoded;
}
