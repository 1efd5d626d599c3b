/**
 * What is new among the findings of a look at the manifests.
 *
 * Each look finds again what was wrong before. Whoever reads a log wants to be
 * told of each finding once, for as long as its file says the same.
 *
 * @module
 */

import type { Diagnostic, Severity } from "../../control/protocol/diagnostic.ts";

/** What a look found that is worth telling. */
export interface FindingNews {
  /** Those that the look before did not have. */
  readonly findings: readonly Diagnostic[];
  /** How many there are now, those that were told before included. */
  readonly left: Readonly<Record<Severity, number>>;
}

/** Compares each look with the one before it. */
export class FindingLedger {
  #known: ReadonlySet<string> = new Set();

  /** Takes the findings of a look; `undefined` when they are those of the look before, in whatever order. */
  take(findings: readonly Diagnostic[]): FindingNews | undefined {
    const before = this.#known;
    const texts = findings.map((finding) => JSON.stringify(finding));
    this.#known = new Set(texts);
    const isSame = before.size === this.#known.size && texts.every((text) => before.has(text));
    if (isSame) return undefined;
    const left = { error: 0, warning: 0, info: 0 };
    for (const { severity } of findings) left[severity]++;
    return { findings: findings.filter((_, index) => !before.has(texts[index] ?? "")), left };
  }
}
