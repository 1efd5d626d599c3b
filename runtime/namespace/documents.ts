/**
 * What the files of a service say: the JSON of `status.json`, `health.json`,
 * `metrics.json` and `HOST.json`, with the members in the reference's order.
 *
 * @module
 */

import type { RuntimeType } from "../../drivers/driver.ts";
import {
  cooldownRemaining,
  type DisableReason,
  healthState,
  type Moment,
  type SupervisionState,
} from "../supervision/machine.ts";

/** The part of a service's description that its files show. */
interface Described {
  readonly service_id: string;
  readonly timeout_ms: number;
}

/** A service that waits for work. */
export const idle = '{"state":"idle"}';

/** A service that an operator has switched off. */
export const disabled = '{"state":"offline","reason":"disabled"}';

/** README.md of a service without `help_md`. */
export function readme(serviceId: string): string {
  return `# ${serviceId}\n\nWrite a JSON object to control/invoke.json, then read result.json and status.json.\n`;
}

const hostKinds: Readonly<Record<RuntimeType, string>> = {
  native_proc: "native_process",
  native_inproc: "native_plugin",
  wasm: "wasm",
  builtin: "static_linked",
};

/** HOST.json. */
export function host(runtime: RuntimeType): string {
  return JSON.stringify({
    schema: 1,
    contract: "acheron.namespace-driver",
    abi: "namespace-driver-v1",
    host_kind: hostKinds[runtime],
    runtime_kind: runtime,
    features: { supervision: true, hot_reload: runtime !== "builtin", dynamic_mounts: true },
  });
}

function counters(state: SupervisionState): Record<string, number> {
  const { invokes_total, failures_total, consecutive_failures, timeouts_total, consecutive_timeouts } = state;
  return { invokes_total, failures_total, consecutive_failures, timeouts_total, consecutive_timeouts };
}

function lastRun(state: SupervisionState): Record<string, number> {
  const { last_duration_ms, last_started_ms, last_finished_ms, last_exit_code } = state;
  return { last_duration_ms, last_started_ms, last_finished_ms, last_exit_code };
}

/** metrics.json before the first run. */
export function firstMetrics(state: SupervisionState): string {
  return JSON.stringify(counters(state));
}

/** metrics.json. */
export function metrics(state: SupervisionState): string {
  return JSON.stringify({ ...counters(state), ...lastRun(state) });
}

/** health.json. */
export function health(spec: Described, runtime: RuntimeType, state: SupervisionState, at: Moment): string {
  return JSON.stringify({
    state: healthState(state, at),
    enabled: state.enabled,
    service_id: spec.service_id,
    runtime,
    timeout_ms: spec.timeout_ms,
    last_control_op: state.last_control_op,
    last_control_ms: state.last_control_ms,
    restarts_total: state.restarts_total,
    ...counters(state),
    cooldown_until_ms: state.cooldown_until_ms,
    cooldown_remaining_ms: cooldownRemaining(state, at),
    supervision: state.policy,
    ...lastRun(state),
  });
}

/** status.json while a run is under way. */
export function running(spec: Described, runtime: RuntimeType, callId: string, state: SupervisionState): string {
  return JSON.stringify({
    state: "running",
    service_id: spec.service_id,
    runtime,
    started_ms: state.last_started_ms,
    ...counters(state),
    timeout_ms: spec.timeout_ms,
    call_id: callId,
  });
}

/** A run that has ended, and what it left behind. */
interface Ended {
  readonly spec: Described;
  readonly runtime: RuntimeType;
  readonly callId: string;
  readonly state: SupervisionState;
  readonly at: Moment;
}

/** status.json after a run that succeeded; `bytes` is the length of result.json. */
export function succeeded({ spec, runtime, callId, state, bytes }: Ended & { readonly bytes: number }): string {
  return JSON.stringify({
    state: "ok",
    service_id: spec.service_id,
    runtime,
    updated_ms: state.last_finished_ms,
    duration_ms: state.last_duration_ms,
    bytes,
    exit_code: 0,
    ...counters(state),
    call_id: callId,
  });
}

/** status.json after a run that failed; `disabled` names the rule that switched the service off with it. */
export function failed(
  ended: Ended & { readonly outcome: "ok" | "failed" | "timeout"; readonly disabled: DisableReason | null },
): string {
  const { spec, runtime, callId, state, at, outcome, disabled } = ended;
  const what = disabled !== null
    ? { state: "offline", reason: disabled }
    : outcome === "timeout"
    ? { state: "timeout", reason: "timeout" }
    : { state: "error", reason: "invoke_error" };
  return JSON.stringify({
    ...what,
    service_id: spec.service_id,
    runtime,
    updated_ms: state.last_finished_ms,
    duration_ms: state.last_duration_ms,
    exit_code: state.last_exit_code,
    ...counters(state),
    retry_after_ms: cooldownRemaining(state, at),
    call_id: callId,
  });
}

/** status.json when an invocation came during a cooldown. */
export function coolingDown(spec: Described, runtime: RuntimeType, retryAfterMs: number): string {
  return JSON.stringify({
    state: "backoff",
    reason: "cooldown",
    service_id: spec.service_id,
    runtime,
    retry_after_ms: retryAfterMs,
  });
}
