import assert from "node:assert/strict";
import type { Diagnostic, Severity } from "../../control/protocol/diagnostic.ts";
import { FindingLedger } from "./finding_ledger.ts";

function finding(file: string, severity: Severity = "warning", line = 1): Diagnostic {
  const start = { line, column: 1 };
  return { rule: "executable-found", severity, file, start, end: start, message: "it is not there" };
}

Deno.test("FindingLedger tells of each finding once, until it has gone and come back", () => {
  const ledger = new FindingLedger();
  const [one, other] = [finding("a.json"), finding("b.json", "error")];
  assert.deepEqual(ledger.take([one]), { findings: [one], left: { error: 0, warning: 1, info: 0 } });
  assert.equal(ledger.take([one]), undefined);
  assert.deepEqual(ledger.take([one, other]), { findings: [other], left: { error: 1, warning: 1, info: 0 } });
  assert.equal(ledger.take([other, one]), undefined);
  assert.deepEqual(ledger.take([other]), { findings: [], left: { error: 1, warning: 0, info: 0 } });
  assert.deepEqual(ledger.take([]), { findings: [], left: { error: 0, warning: 0, info: 0 } });
  assert.deepEqual(ledger.take([one])?.findings, [one]);
  assert.deepEqual(ledger.take([finding("a.json", "warning", 2)])?.findings.length, 1);
  assert.equal(new FindingLedger().take([]), undefined);
});
