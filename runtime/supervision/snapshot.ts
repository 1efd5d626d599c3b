/**
 * What the state file keeps of one service, and how it comes back.
 *
 * The shape is the reference's. README, schema, template, metrics and health
 * are not kept, since they follow from the manifest and the counters.
 *
 * @module
 */

import { z } from "zod";
import { cooldownRemaining, initialState, type Instant, longestCooldown, type SupervisionState } from "./machine.ts";
import { boundedRules, type DeclaredSupervision, policyOverrides, type SupervisionPolicy } from "./policy.ts";

const count = z.int().min(0);

const withinSafe = (value: unknown) => typeof value === "number" ? Math.min(value, Number.MAX_SAFE_INTEGER) : value;

const controlOp = z.enum(["init", "config_update", "auto_disable", "enable", "disable", "restart", "reset"]);

/** One service in the state file. Members that are absent keep what the service has. */
export const serviceSnapshot = z.object({
  service_id: z.string().min(1),
  runtime: z.object({
    enabled: z.boolean().default(true),
    restarts_total: count.default(0),
    last_control_ms: count.default(0),
    last_control_op: controlOp.catch("init").default("init"),
    /** Text of `config.json`. */
    config_json: z.string().default("{}"),
    /** On the wall clock; 0 for none. How long it lasts is for the rules to say. */
    cooldown_until_ms: z.preprocess(withinSafe, count.default(0)),
    /** Stands over what `config_json` says. */
    supervision: z.preprocess(boundedRules, policyOverrides.optional()),
  }).prefault({}),
  stats: z.object({
    invokes_total: count.default(0),
    failures_total: count.default(0),
    consecutive_failures: count.default(0),
    timeouts_total: count.default(0),
    consecutive_timeouts: count.default(0),
    last_duration_ms: count.default(0),
    last_started_ms: count.default(0),
    last_finished_ms: count.default(0),
    last_exit_code: z.int().default(0),
  }).prefault({}),
  /** Texts of the three files. */
  result_json: z.string().nullish(),
  status_json: z.string().nullish(),
  last_error: z.string().nullish(),
});

/** One service in the state file, defaults filled in. */
export type ServiceSnapshot = z.output<typeof serviceSnapshot>;

/** Texts of the files that are kept beside the state. */
export interface KeptTexts {
  readonly config: string;
  readonly result: string;
  readonly status: string;
  readonly last_error: string;
}

/**
 * Writes down a service.
 *
 * @param policy The rules to keep: those of its `config.json` alone, so that the manifest may say others at the next start.
 */
export function takeSnapshot(
  service_id: string,
  state: SupervisionState,
  texts: KeptTexts,
  policy: SupervisionPolicy = state.policy,
): ServiceSnapshot {
  return {
    service_id,
    runtime: {
      enabled: state.enabled,
      restarts_total: state.restarts_total,
      last_control_ms: state.last_control_ms,
      last_control_op: state.last_control_op,
      config_json: texts.config,
      cooldown_until_ms: state.cooldown?.until_wall_ms ?? 0,
      supervision: policy,
    },
    stats: state.stats,
    result_json: texts.result,
    status_json: texts.status,
    last_error: texts.last_error,
  };
}

/**
 * Brings the state of a service back.
 *
 * The rest of a cooldown goes by the wall clock, since no other clock spans a
 * restart, and is never longer than the longest cooldown of the policy.
 */
export function stateFromSnapshot(
  snapshot: ServiceSnapshot,
  policy: SupervisionPolicy,
  at: Instant,
  declared?: DeclaredSupervision,
): SupervisionState {
  const { runtime, stats } = snapshot;
  const anew = { ...initialState(declared), policy };
  const rest = Math.min(runtime.cooldown_until_ms - at.wall_ms, longestCooldown(anew));
  const state: SupervisionState = {
    ...anew,
    enabled: runtime.enabled,
    restarts_total: runtime.restarts_total,
    last_control_op: runtime.last_control_op,
    last_control_ms: runtime.last_control_ms,
    cooldown: { until_wall_ms: at.wall_ms + rest, until_monotonic_ms: at.monotonic_ms + rest },
    trips: 1,
    backoff_until_ms: at.wall_ms + rest,
    failure: stats.consecutive_failures > 0 ? { reason: "exit", text: firstLine(snapshot.last_error) } : null,
    stats,
  };
  const isCooling = runtime.enabled && cooldownRemaining(state, at) > 0;
  return isCooling ? state : { ...state, cooldown: null, trips: 0, backoff_until_ms: 0 };
}

function firstLine(text: string | null | undefined): string {
  return (text ?? "").trim().split(/[\r\n]/, 1)[0] ?? "";
}
