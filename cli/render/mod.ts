/**
 * One result, in the form that was asked for.
 *
 * @module
 */

import { usageError } from "../errors.ts";
import { outputForms } from "../globals.ts";
import type { CliContext, TextStream } from "../io.ts";
import { cleanText, isPlain, type Table, tableText } from "./table.ts";

export { cleanText, isPlain, type Table, tableText } from "./table.ts";

/** A result in every form. */
export interface Rendering {
  /** What `json` and `yaml` print. */
  readonly value: unknown;
  /** What `table` prints: a table, or lines. */
  readonly table: Table | readonly string[];
  /** What `name` prints, one a line; it is for programs, so what no line can hold exactly is left out. */
  readonly names: readonly string[];
}

/** Prints a result to standard output, and to standard error what that form leaves out. */
export async function printResult({ io, globals }: CliContext, rendering: Rendering): Promise<void> {
  const form = outputForm(globals.output);
  io.stdout.write(await renderAs(form, rendering));
  if (form === "name") noteOddNames(io.stderr, rendering.names);
}

function noteOddNames(stderr: TextStream, names: readonly string[]): void {
  const odd = names.filter((name) => !isPlain(name));
  if (odd.length === 0) return;
  const count = odd.length === 1 ? "1 name is" : `${odd.length} names are`;
  stderr.write(`note: ${count} left out, with control characters: ${cleanText(odd[0] ?? "")}; -o json has all\n`);
}

/** @throws {ZssError} `usage` for a form that nobody knows. */
export function outputForm(given: string | undefined): typeof outputForms[number] {
  const form = outputForms.find((known) => known === (given ?? "table"));
  if (form === undefined) {
    throw usageError(`Cannot print as "${given}": no such form`, `use one of ${outputForms.join(", ")}`);
  }
  return form;
}

async function renderAs(form: typeof outputForms[number], rendering: Rendering): Promise<string> {
  switch (form) {
    case "json":
      return JSON.stringify(rendering.value, null, 2) + "\n";
    case "yaml": {
      const { stringify } = await import("yaml");
      return stringify(rendering.value);
    }
    case "name":
      return rendering.names.filter(isPlain).map((name) => `${name}\n`).join("");
    case "table":
      return "columns" in rendering.table
        ? tableText(rendering.table)
        : rendering.table.map((line) => `${cleanText(line)}\n`).join("");
  }
}
