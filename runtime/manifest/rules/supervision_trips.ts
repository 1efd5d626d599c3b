import type { JsonObject, ManifestRule, RuleFinding } from "../rule.ts";
import { objectAt } from "./_values.ts";

/** Supervision that cannot do what it says. */
export const supervisionTrips: ManifestRule = {
  id: "supervision-trips",
  severity: "warning",
  reason:
    "Supervision that can never switch the service off, or does so at the first failure, is seldom what was meant.",
  check(manifest) {
    const supervision = objectAt(objectAt(manifest, "runtime"), "supervision");
    return [...never(supervision), ...always(supervision)];
  },
};

function never(supervision: JsonObject): RuleFinding[] {
  const failures = supervision["max_consecutive_failures"] ?? 0;
  const timeouts = supervision["max_consecutive_timeouts"] ?? 0;
  if (supervision["auto_disable_on_failures"] === true && failures === 0 && timeouts === 0) {
    return [{
      path: ["runtime", "supervision", "auto_disable_on_failures"],
      message: "supervision never trips: auto_disable_on_failures is true and both limits are 0",
      hint: "set max_consecutive_failures or max_consecutive_timeouts",
    }];
  }
  if (supervision["auto_disable_on_failures"] === true) return [];
  return ["max_consecutive_failures", "max_consecutive_timeouts"].flatMap((name) => {
    const limit = supervision[name];
    if (typeof limit !== "number" || limit <= 0) return [];
    return [{
      path: ["runtime", "supervision", name],
      message: `supervision never trips: ${name} is ${limit} and auto_disable_on_failures is not true`,
      hint: 'add "auto_disable_on_failures": true, or remove the limit',
    }];
  });
}

function always(supervision: JsonObject): RuleFinding[] {
  const found: RuleFinding[] = [];
  if (supervision["auto_disable_on_failures"] === true) {
    for (const name of ["max_consecutive_failures", "max_consecutive_timeouts"]) {
      if (supervision[name] !== 1) continue;
      found.push({
        path: ["runtime", "supervision", name],
        message: `supervision always trips: ${name} is 1, so the first one switches the service off`,
        hint: "allow at least 2",
      });
    }
  }
  const { restart_backoff_ms: first, restart_backoff_max_ms: longest } = supervision;
  if (typeof first === "number" && typeof longest === "number" && longest > 0 && first > longest) {
    found.push({
      path: ["runtime", "supervision", "restart_backoff_ms"],
      message: `restart_backoff_ms is longer than restart_backoff_max_ms: ${first} ms found, at most ${longest} wanted`,
      hint: "the longest wait is raised to the first one",
    });
  }
  return found;
}
