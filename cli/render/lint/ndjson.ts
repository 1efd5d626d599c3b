import type { LintRenderer } from "./report.ts";

/** One JSON object per finding and line. */
export const renderNdjson: LintRenderer = ({ findings }) =>
  findings.map((finding) => JSON.stringify(finding) + "\n").join("");
