import type { LintReport } from "./report.ts";

/** One JSON object per finding and line. */
export function render({ findings }: LintReport): string {
  return findings.map((finding) => JSON.stringify(finding) + "\n").join("");
}
