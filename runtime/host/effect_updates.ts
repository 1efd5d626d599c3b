/**
 * Turns what the supervision machine wants shown into contents of files.
 *
 * @module
 */

import type { FileUpdate } from "../namespace/service_port.ts";
import type { Effect, Instant, Step, SupervisionState } from "../supervision/machine.ts";
import { callStatusDocument, healthDocument, metricsDocument, type ServiceFacts, statusDocument } from "./documents.ts";

/** Most bytes of a run's standard error that its status.json repeats. */
const MAX_STDERR_BYTES = 16_384;

/** The contents that a step leads to, in its order. */
export function effectUpdates({ state, effects }: Step, facts: ServiceFacts, at: Instant): FileUpdate[] {
  return effects.flatMap((effect) => updatesOf(effect, state, facts, at));
}

function updatesOf(effect: Effect, state: SupervisionState, facts: ServiceFacts, at: Instant): FileUpdate[] {
  switch (effect.file) {
    case "result":
      return [{ file: "result.json", content: effect.content }];
    case "last_error":
      return [{ file: "last_error.txt", content: effect.content }];
    case "status":
      return [{ file: "status.json", content: statusDocument(effect.status, facts) }];
    case "metrics":
      return [{ file: "metrics.json", content: metricsDocument(state.stats) }];
    case "health":
      return [{ file: "health.json", content: healthDocument(facts, state, at) }];
    case "call": {
      const { call_id, status, result, stderr } = effect;
      const said = stderr === undefined ? "" : new TextDecoder().decode(stderr.subarray(0, MAX_STDERR_BYTES));
      const content = callStatusDocument(status, facts, said);
      const updates: FileUpdate[] = [{ call_id, file: "status.json", content }];
      return result === undefined ? updates : [{ call_id, file: "result.json", content: result }, ...updates];
    }
  }
}
