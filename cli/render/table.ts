/**
 * Aligned columns.
 *
 * @module
 */

/** A table; every row has as many cells as there are columns. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What stands there when there are no rows, for example `(no nodes)`. */
  readonly empty: string;
}

/** The table as text: a heading, two spaces between columns, nothing behind the last one. */
export function tableText(table: Table): string {
  if (table.rows.length === 0) return `${table.empty}\n`;
  const lines = [table.columns, ...table.rows].map((row) => row.map(cleanText));
  const widths = table.columns.map((_, column) => Math.max(...lines.map((row) => row[column]?.length ?? 0)));
  return lines.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd() + "\n")
    .join("");
}

/** What drives a terminal, ends a line, turns the order of what is written around, or is half a character. */
const unshown = /[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029]/gu;

/** Short forms of JSON. */
const SHORT: Readonly<Record<string, string>> = {
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\f": "\\f",
  "\r": "\\r",
};

/**
 * Text from elsewhere on one line, without what would move the cursor, colour the terminal or forge another row: such
 * characters stand as JSON writes them, `\n` or `\u001b`. A backslash stays as it is, so what is shown is for the eye;
 * text that is JSON already keeps its value.
 */
export function cleanText(text: string): string {
  return text.replace(
    unshown,
    (character) => SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Whether {@linkcode cleanText} leaves the text as it is. */
export function isPlain(text: string): boolean {
  return text.search(unshown) < 0;
}
