/**
 * When a service may run, and what its runs make of it.
 *
 * Pure: a state and something that happened give the next state. Deadlines are
 * monotonic, so a clock that is set right neither ends nor stretches a
 * cooldown; wall times are kept for display only.
 *
 * @module
 */

/** When failures have consequences; 0 switches a rule off. The `supervision` member of `config.json`. */
export interface Policy {
  readonly max_consecutive_failures: number;
  readonly max_consecutive_timeouts: number;
  readonly cooldown_ms: number;
  readonly auto_disable_on_threshold: boolean;
}

/** The policy of a service that has not been configured. */
export const defaultPolicy: Policy = {
  max_consecutive_failures: 0,
  max_consecutive_timeouts: 0,
  cooldown_ms: 0,
  auto_disable_on_threshold: true,
};

/** A moment on both clocks, in milliseconds. */
export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

/** What changed a service last. */
export type ControlOp = "init" | "config_update" | "enable" | "disable" | "restart" | "reset" | "auto_disable";

/** Why a service was switched off by its policy. */
export type DisableReason = "max_consecutive_failures" | "max_consecutive_timeouts";

/** Everything that is remembered of a service's runs. */
export interface SupervisionState {
  readonly enabled: boolean;
  readonly policy: Policy;
  readonly last_control_op: ControlOp;
  readonly last_control_ms: number;
  readonly restarts_total: number;
  readonly invokes_total: number;
  readonly failures_total: number;
  readonly consecutive_failures: number;
  readonly timeouts_total: number;
  readonly consecutive_timeouts: number;
  readonly last_duration_ms: number;
  readonly last_started_ms: number;
  readonly last_finished_ms: number;
  readonly last_exit_code: number;
  /** Monotonic end of the cooldown; 0 when there is none. */
  readonly cooldownEndsAt: number;
  /** The same in wall time, for display. */
  readonly cooldown_until_ms: number;
}

/** The state of a service that has never run. */
export const initialState: SupervisionState = {
  enabled: true,
  policy: defaultPolicy,
  last_control_op: "init",
  last_control_ms: 0,
  restarts_total: 0,
  invokes_total: 0,
  failures_total: 0,
  consecutive_failures: 0,
  timeouts_total: 0,
  consecutive_timeouts: 0,
  last_duration_ms: 0,
  last_started_ms: 0,
  last_finished_ms: 0,
  last_exit_code: 0,
  cooldownEndsAt: 0,
  cooldown_until_ms: 0,
};

/** Something that happened. */
export type SupervisionEvent =
  | { readonly type: "started"; readonly at: Moment }
  | {
    readonly type: "finished";
    readonly at: Moment;
    readonly outcome: "ok" | "failed" | "timeout";
    readonly exit_code: number;
    readonly duration_ms: number;
  }
  | { readonly type: "control"; readonly at: Moment; readonly op: "enable" | "disable" | "restart" | "reset" }
  | { readonly type: "configured"; readonly at: Moment; readonly policy: Policy };

/** The state after an event; `disabled` says that this very event switched the service off, and by which rule. */
export interface Transition {
  readonly state: SupervisionState;
  readonly disabled: DisableReason | null;
}

/** What an invocation is told before it runs. */
export type Gate =
  | { readonly go: true }
  | { readonly go: false; readonly reason: "disabled" }
  | { readonly go: false; readonly reason: "cooldown"; readonly retry_after_ms: number };

/** Whether an invocation may run at `at`. */
export function gate(state: SupervisionState, at: Moment): Gate {
  if (!state.enabled) return { go: false, reason: "disabled" };
  const retry = cooldownRemaining(state, at);
  return retry > 0 ? { go: false, reason: "cooldown", retry_after_ms: retry } : { go: true };
}

/** Milliseconds until the cooldown ends; 0 when there is none. */
export function cooldownRemaining(state: SupervisionState, at: Moment): number {
  return Math.max(0, Math.ceil(state.cooldownEndsAt - at.monotonic));
}

/** State of a service for `health.json`. */
export function healthState(state: SupervisionState, at: Moment): "online" | "degraded" | "offline" {
  if (!state.enabled) return "offline";
  return cooldownRemaining(state, at) > 0 || state.consecutive_failures > 0 ? "degraded" : "online";
}

const noCooldown = { cooldownEndsAt: 0, cooldown_until_ms: 0 } as const;

/** The state after `event`. */
export function step(state: SupervisionState, event: SupervisionEvent): Transition {
  switch (event.type) {
    case "started":
      return same({ ...state, invokes_total: state.invokes_total + 1, last_started_ms: event.at.wall });
    case "finished":
      return finished(state, event);
    case "configured":
      return same({
        ...state,
        ...noCooldown,
        policy: event.policy,
        last_control_op: "config_update",
        last_control_ms: event.at.wall,
      });
    case "control":
      return same(controlled(state, event.op, event.at));
  }
}

function controlled(
  state: SupervisionState,
  op: "enable" | "disable" | "restart" | "reset",
  at: Moment,
): SupervisionState {
  const next = { ...state, ...noCooldown, last_control_op: op, last_control_ms: at.wall };
  switch (op) {
    case "enable":
      return { ...next, enabled: true };
    case "disable":
      return { ...next, enabled: false };
    case "restart":
      return { ...next, restarts_total: state.restarts_total + 1 };
    case "reset":
      return { ...next, consecutive_failures: 0, consecutive_timeouts: 0 };
  }
}

function finished(state: SupervisionState, event: SupervisionEvent & { type: "finished" }): Transition {
  const done = {
    ...state,
    last_duration_ms: event.duration_ms,
    last_finished_ms: event.at.wall,
    last_exit_code: event.exit_code,
  };
  if (event.outcome === "ok") return same({ ...done, ...noCooldown, consecutive_failures: 0, consecutive_timeouts: 0 });
  const timedOut = event.outcome === "timeout";
  const { policy } = state;
  const failed: SupervisionState = {
    ...done,
    failures_total: state.failures_total + 1,
    consecutive_failures: state.consecutive_failures + 1,
    timeouts_total: state.timeouts_total + (timedOut ? 1 : 0),
    consecutive_timeouts: timedOut ? state.consecutive_timeouts + 1 : 0,
    ...(policy.cooldown_ms > 0
      ? {
        cooldownEndsAt: event.at.monotonic + policy.cooldown_ms,
        cooldown_until_ms: event.at.wall + policy.cooldown_ms,
      }
      : noCooldown),
  };
  const disabled = trippedRule(failed);
  if (disabled === null) return same(failed);
  return {
    disabled,
    state: {
      ...failed,
      ...noCooldown,
      enabled: false,
      last_control_op: "auto_disable",
      last_control_ms: event.at.wall,
    },
  };
}

function trippedRule({ policy, consecutive_failures, consecutive_timeouts }: SupervisionState): DisableReason | null {
  if (!policy.auto_disable_on_threshold) return null;
  const reached = (count: number, max: number) => max > 0 && count >= max;
  if (reached(consecutive_failures, policy.max_consecutive_failures)) return "max_consecutive_failures";
  return reached(consecutive_timeouts, policy.max_consecutive_timeouts) ? "max_consecutive_timeouts" : null;
}

function same(state: SupervisionState): Transition {
  return { state, disabled: null };
}
