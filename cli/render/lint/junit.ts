import type { Diagnostic } from "../../../control/protocol/diagnostic.ts";
import { countOf, type LintReport } from "./report.ts";

/** JUnit XML: a file is a test, which fails when it has an error. */
export function render({ files, findings }: LintReport): string {
  const byFile = Map.groupBy(findings, ({ file }) => file);
  const failed = files.filter((file) => byFile.get(file)?.some(({ severity }) => severity === "error"));
  const cases = files.map((file) => testCase(file, byFile.get(file) ?? []));
  const counts = `tests="${files.length}" failures="${failed.length}" errors="0"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${counts}>\n` +
    `  <testsuite name="zss manifest lint" ${counts} skipped="0" time="0">\n${
      cases.join("")
    }  </testsuite>\n</testsuites>\n`;
}

function testCase(file: string, findings: readonly Diagnostic[]): string {
  const head = `    <testcase classname="manifest" name="${escaped(file)}" file="${escaped(file)}" time="0"`;
  if (findings.length === 0) return `${head}/>\n`;
  const { error } = countOf(findings);
  const [first] = findings.filter(({ severity }) => severity === "error");
  const lines = escaped(findings.map(line).join("\n"));
  const body = first === undefined || error === 0
    ? `      <system-out>${lines}</system-out>\n`
    : `      <failure type="${escaped(first.rule)}" message="${escaped(first.message)}">${lines}</failure>\n`;
  return `${head}>\n${body}    </testcase>\n`;
}

function line({ file, start, severity, message, rule, hint }: Diagnostic): string {
  const next = hint === undefined ? "" : ` (hint: ${hint})`;
  return `${file}:${start.line}:${start.column}: ${severity}: ${message}${next} [${rule}]`;
}

const notXml =
  // deno-lint-ignore no-control-regex -- XML has no way to hold these characters
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function escaped(text: string): string {
  return text.replace(notXml, "\ufffd").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
