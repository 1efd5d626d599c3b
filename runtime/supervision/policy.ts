/**
 * The rules that an operator sets for a service in `config.json`.
 *
 * A threshold of 0 switches its rule off; the default policy therefore never
 * disables or delays anything.
 *
 * Source: docs/architecture.md, "Supervision".
 *
 * @module
 */

import { z } from "zod";

/** The most that each rule may say, here as in a manifest; timers of the system know no longer wait than 2^31 ms. */
const MOST = {
  max_consecutive_failures: 4_294_967_295,
  max_consecutive_timeouts: 4_294_967_295,
  cooldown_ms: 86_400_000,
} as const;

const atMost = (most: number) =>
  z.int("must be an integer").min(0, "must be at least 0").max(most, `must be at most ${most}`);

const failures = atMost(MOST.max_consecutive_failures);
const timeouts = atMost(MOST.max_consecutive_timeouts);
const cooldown = atMost(MOST.cooldown_ms);

const flag = z.boolean("must be true or false");

/** When failures delay or end the use of a service. Members that are absent keep their default. */
export const supervisionPolicy = z.object({
  /** Failures in a row that disable the service; 0 for never. */
  max_consecutive_failures: failures.default(0),
  /** Timeouts in a row that disable the service; 0 for never. */
  max_consecutive_timeouts: timeouts.default(0),
  /** How long invokes are refused after a failure, in milliseconds; 0 for not at all, at most a day. */
  cooldown_ms: cooldown.default(0),
  /** Whether the two thresholds are heeded. */
  auto_disable_on_threshold: flag.default(true),
});

/** Some members of a policy; the others stay as they are. */
export const policyOverrides = z.object({
  max_consecutive_failures: failures.optional(),
  max_consecutive_timeouts: timeouts.optional(),
  cooldown_ms: cooldown.optional(),
  auto_disable_on_threshold: flag.optional(),
});

/** A complete policy. */
export type SupervisionPolicy = z.output<typeof supervisionPolicy>;

/** The policy of a service about which neither its manifest nor its `config.json` says anything. */
export const DEFAULT_POLICY: SupervisionPolicy = supervisionPolicy.parse({});

/** What `config.json` may hold; members that are not known are kept in the file and mean nothing here. */
export const serviceConfig = z.looseObject({
  supervision: policyOverrides.optional(),
});

/** What a manifest says in `runtime.supervision`, complete. */
export interface DeclaredSupervision {
  /** Milliseconds between two looks at a driver that is well; at least 1. */
  readonly health_check_interval_ms: number;
  /** Wait after the first bad look, in milliseconds; doubled after each further one. */
  readonly restart_backoff_ms: number;
  /** Longest such wait, and longest cooldown that doubling leads to, in milliseconds. */
  readonly restart_backoff_max_ms: number;
  /** Bad looks in a row, and likewise failed runs, that disable the service; 0 for never. */
  readonly max_consecutive_failures: number;
  readonly max_consecutive_timeouts: number;
  readonly cooldown_ms: number;
  /** Whether the two limits are heeded. */
  readonly auto_disable_on_failures: boolean;
}

/** What holds for a manifest that says nothing. */
export const DEFAULT_DECLARED: DeclaredSupervision = {
  health_check_interval_ms: 5_000,
  restart_backoff_ms: 500,
  restart_backoff_max_ms: 30_000,
  max_consecutive_failures: 0,
  max_consecutive_timeouts: 0,
  cooldown_ms: 0,
  auto_disable_on_failures: false,
};

/** The policy of a service whose `config.json` says nothing, given its manifest. */
export function declaredPolicy(declared: DeclaredSupervision): SupervisionPolicy {
  if (declared === DEFAULT_DECLARED) return DEFAULT_POLICY;
  const { max_consecutive_failures, max_consecutive_timeouts, cooldown_ms, auto_disable_on_failures } = declared;
  return {
    max_consecutive_failures,
    max_consecutive_timeouts,
    cooldown_ms,
    auto_disable_on_threshold: auto_disable_on_failures,
  };
}

/** The rules of a state file: those that say more than a rule may say the most, everything else is as it was. */
export function boundedRules(rules: unknown): unknown {
  if (typeof rules !== "object" || rules === null) return rules;
  const tooMuch = Object.entries(MOST).filter(([name, most]) => {
    const value: unknown = Reflect.get(rules, name);
    return (typeof value === "number" || typeof value === "bigint") && value > most;
  });
  return tooMuch.length === 0 ? rules : { ...rules, ...Object.fromEntries(tooMuch) };
}

/** Puts the members of `overrides` that are present over `policy`. */
export function overridePolicy(
  policy: SupervisionPolicy,
  overrides: z.output<typeof policyOverrides> = {},
): SupervisionPolicy {
  return supervisionPolicy.parse({ ...policy, ...withoutAbsent(overrides) });
}

function withoutAbsent(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
