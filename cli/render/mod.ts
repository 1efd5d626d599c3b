/**
 * One result, in the form that was asked for.
 *
 * @module
 */

import { usageError } from "../errors.ts";
import { outputForms } from "../globals.ts";
import type { CliContext } from "../io.ts";
import { cleanText, type Table, tableText } from "./table.ts";

export { cleanText, type Table, tableText } from "./table.ts";

/** A result in every form. */
export interface Rendering {
  /** What `json` and `yaml` print. */
  readonly value: unknown;
  /** What `table` prints: a table, or lines. */
  readonly table: Table | readonly string[];
  /** What `name` prints, one a line. */
  readonly names: readonly string[];
}

/** Prints a result to standard output. */
export async function printResult({ io, globals }: CliContext, rendering: Rendering): Promise<void> {
  io.stdout.write(await renderAs(outputForm(globals.output), rendering));
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
      return rendering.names.map((name) => `${name}\n`).join("");
    case "table":
      return "columns" in rendering.table
        ? tableText(rendering.table)
        : rendering.table.map((line) => `${cleanText(line)}\n`).join("");
  }
}
