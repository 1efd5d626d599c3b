/**
 * Puts a manifest into its usual layout: two spaces, one blank behind each colon
 * and comma, a line feed at the end.
 *
 * Comments stay, and so do line breaks, unless a line is longer than a screen:
 * then every member gets a line of its own.
 *
 * @module
 */

import { applyEdits, format } from "jsonc-parser";
import { TextView } from "./text_view.ts";

/** Longest line of which the line breaks are kept, in UTF-16 units. */
const LONGEST_LINE = 120;

/**
 * The manifest in its usual layout; formatting that again changes nothing.
 *
 * @returns Undefined for text that is no JSON, which nobody can lay out.
 */
export function formatManifest(file: string, text: string): string | undefined {
  const view = new TextView(file, text);
  if (view.tree === undefined || view.errors.length > 0) return undefined;
  const eol = /\r\n|\n/.exec(view.text)?.[0] ?? "\n";
  const isLong = view.text.split(/\r\n|\n|\r/).some((line) => line.length > LONGEST_LINE);
  let laidOut = view.text;
  // Keeping line breaks, the library needs a second look to settle around comments.
  for (let round = 0; round < 4; round++) {
    const next = layOut(laidOut, eol, isLong);
    if (next === laidOut) break;
    laidOut = next;
  }
  return (view.hasByteOrderMark ? "\ufeff" : "") + laidOut;
}

function layOut(text: string, eol: string, isLong: boolean): string {
  const edits = format(text, undefined, {
    tabSize: 2,
    insertSpaces: true,
    insertFinalNewline: true,
    keepLines: !isLong,
    eol,
  });
  return tightened(applyEdits(text, edits)).trimEnd().trimStart() + eol;
}

/** Arrays without the blanks inside their brackets, and nothing in what is empty; texts and comments as they are. */
function tightened(text: string): string {
  const token = /"(?:[^"\\]|\\.)*"|\/\/[^\n\r]*|\/\*[^]*?\*\/|(\[) +(?=[^\s/])|\{ +(?=\})|( +)\]/g;
  return text.replace(token, (found, open: string | undefined, blanks: string | undefined, offset: number) => {
    if (open !== undefined) return "[";
    if (found.startsWith("{")) return "{";
    if (blanks === undefined) return found;
    // A bracket that begins its line keeps what it is indented by; one behind a comment keeps its distance.
    const before = text[offset - 1];
    return before === "\n" || before === "\r" || text.slice(0, offset).endsWith("*/") ? found : "]";
  });
}
