/**
 * What the linter loads when a file is not certainly clean.
 *
 * @module
 */

import { placedDiagnostic } from "./lint.ts";
import type { Diagnostic } from "../../control/protocol/diagnostic.ts";
import type { JsonObject, MachineProbe } from "./rule.ts";
import { machineRules } from "./rules/mod.ts";
import { TextView } from "./text_view.ts";

export { placedDiagnostic, readManifest } from "./lint.ts";
export { TextView } from "./text_view.ts";

/** A manifest for which the machine is asked. */
export interface Checked {
  readonly file: string;
  readonly value: JsonObject | undefined;
  readonly findings: Diagnostic[];
}

/** Runs the rules that ask the machine and adds what they find. */
export async function askMachine<Entry extends Checked>(
  entries: readonly Entry[],
  probe: MachineProbe,
  isOn: (rule: string) => boolean,
  textOf: (entry: Entry) => string | undefined,
): Promise<void> {
  for (const entry of entries) {
    for (const rule of machineRules) {
      if (!isOn(rule.id)) continue;
      for (const finding of await rule.check(entry.value ?? {}, probe)) {
        const text = textOf(entry);
        if (text === undefined) continue;
        entry.findings.push(placedDiagnostic(entry.file, new TextView(entry.file, text), rule, finding));
      }
    }
  }
}
