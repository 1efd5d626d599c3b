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

// deno-lint-ignore no-control-regex -- control characters are exactly what is taken out
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Text from elsewhere without what would move the cursor or colour the terminal. */
export function cleanText(text: string): string {
  return text.replace(control, "");
}
