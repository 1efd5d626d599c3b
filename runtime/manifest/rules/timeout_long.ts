import type { ManifestRule } from "../rule.ts";
import { objectAt } from "./_values.ts";

/** How long the writer of a call waits for its answer, in milliseconds. */
const CALLER_WAITS_MS = 40_000;

/** Runs that outlast their callers. */
export const timeoutLong: ManifestRule = {
  id: "timeout-long",
  severity: "warning",
  reason:
    "Who writes a call waits 40,000 ms for it; a longer run goes on, but its caller has to come back for the result.",
  check(manifest) {
    const { timeout_ms } = objectAt(manifest, "runtime");
    if (typeof timeout_ms !== "number" || timeout_ms <= CALLER_WAITS_MS) return [];
    return [{
      path: ["runtime", "timeout_ms"],
      message: `runtime.timeout_ms is longer than a caller waits: ${timeout_ms} ms found, at most 40000 wanted`,
      hint: "callers then read calls/<call_id>/result.json later; disable this rule if that is meant",
    }];
  },
};
