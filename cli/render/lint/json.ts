import { countOf, type LintReport } from "./report.ts";

/** One JSON object; docs/cli_json.md lists its members. */
export function render({ files, disabled, fixed, findings }: LintReport): string {
  const { error, warning, info } = countOf(findings);
  const value = { checked: files.length, disabled, fixed, errors: error, warnings: warning, infos: info, findings };
  return JSON.stringify(value, null, 2) + "\n";
}
