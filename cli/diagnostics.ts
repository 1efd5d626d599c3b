/**
 * How findings look on the terminal.
 *
 * @module
 */

import type { Diagnostic, Severity } from "../control/protocol/diagnostic.ts";
import type { Paint } from "./paint.ts";
import { cleanText } from "./render/table.ts";

/** Most characters of a line that are shown around its place. */
const FRAME_WIDTH = 100;

/** Findings one below the other, each with its line, if `lineOf` knows it, and its hint. */
export function diagnosticLines(
  findings: readonly Diagnostic[],
  paint: Paint,
  lineOf: (finding: Diagnostic) => string | undefined = () => undefined,
): string {
  return findings.map((finding) => {
    const place = cleanText(`${finding.file}:${finding.start.line}:${finding.start.column}`);
    const severity = severityWord(finding.severity, paint);
    const hint = finding.hint === undefined ? "" : `  hint: ${cleanText(finding.hint)}\n`;
    const head = `${paint.bold(place)}: ${severity}: ${cleanText(finding.message)} ${paint.dim(`[${finding.rule}]`)}\n`;
    return head + codeFrame(finding, lineOf(finding), paint) + hint;
  }).join("");
}

function severityWord(severity: Severity, paint: Paint): string {
  if (severity === "error") return paint.red("error");
  return severity === "warning" ? paint.yellow("warning") : paint.dim("info");
}

/** The line at fault with its number and a mark below what is meant. */
function codeFrame({ start, end, rule }: Diagnostic, line: string | undefined, paint: Paint): string {
  if (line === undefined || line.trim() === "") return "";
  const from = start.column - 1;
  const to = Math.min(line.length, end.line === start.line ? end.column - 1 : line.length);
  // Of a long line only what is around the place is shown.
  const left = line.length <= FRAME_WIDTH ? 0 : Math.max(0, Math.min(from - 30, line.length - FRAME_WIDTH));
  const right = Math.min(line.length, left + FRAME_WIDTH);
  const before = line.slice(left, from);
  // Findings go to logs, where a secret must not follow.
  const marked = rule === "secret"
    ? "•".repeat(Math.max(0, Math.min(to, right) - from))
    : line.slice(from, Math.min(to, right));
  const shown = `${left > 0 ? "…" : ""}${visible(before)}${visible(marked)}${
    visible(line.slice(Math.max(from, to), Math.max(right, to)).slice(0, FRAME_WIDTH))
  }${right < line.length ? "…" : ""}`;
  const number = String(start.line);
  const gutter = " ".repeat(number.length);
  const pad = `${left > 0 ? " " : ""}${blank(visible(before))}`;
  const mark = `^${"~".repeat(Math.max(0, width(visible(marked)) - 1))}`;
  return `  ${paint.dim(`${number} |`)} ${shown}\n  ${paint.dim(`${gutter} |`)} ${pad}${paint.yellow(mark)}\n`;
}

// deno-lint-ignore no-control-regex -- control characters are exactly what is replaced
const control = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;

/** Text that moves no cursor and takes as many places as it had units. */
function visible(text: string): string {
  return text.replace(control, "·");
}

const WIDE = /[\p{Emoji_Presentation}\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\uff01-\uff60]/u;
const NO_WIDTH = /\p{Mn}|\u200d|\ufe0f/u;

/** Spaces as wide as the text; tabs stay tabs. */
function blank(text: string): string {
  return [...text].map((character) => character === "\t" ? "\t" : " ".repeat(width(character))).join("");
}

/** Columns of a terminal that a text takes, as well as that can be known. */
function width(text: string): number {
  let columns = 0;
  for (const character of text) columns += WIDE.test(character) ? 2 : NO_WIDTH.test(character) ? 0 : 1;
  return columns;
}
