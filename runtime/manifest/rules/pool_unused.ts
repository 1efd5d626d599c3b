import { isObject } from "../../../control/protocol/envelope.ts";
import type { ManifestRule } from "../rule.ts";

/** Waiting processes beside one that does all calls. */
export const poolUnused: ManifestRule = {
  id: "pool-unused",
  severity: "warning",
  reason:
    'In mode "persistent" one process, which is started at once, does all calls. No other ever waits for one, so ' +
    "`pool` does nothing there.",
  check({ runtime }) {
    if (!isObject(runtime) || runtime["type"] !== "native_proc" || runtime["mode"] !== "persistent") return [];
    const { pool } = runtime;
    if (typeof pool !== "number" || pool <= 0) return [];
    return [{
      path: ["runtime", "pool"],
      at: "key",
      message: 'runtime.pool does nothing: runtime.mode is "persistent", in which one process does all calls',
      hint: 'remove pool, or set "mode": "spawn"; how many calls that process has at a time is said by concurrency',
    }];
  },
};
