/**
 * The documents of a service: `status.json`, `health.json`, `metrics.json`,
 * `HOST.json` and the defaults of those that a manifest may supply.
 *
 * Pure. Programs match on the order of the keys, so it is part of the shape;
 * `call_id` stands last since the reference does not have it.
 *
 * Source: docs/protocol.md, "Files of a service".
 *
 * @module
 */

import {
  availability,
  type CallStatus,
  cooldownRemaining,
  type Counters,
  IDLE_DOCUMENT,
  type Instant,
  type Stats,
  type Status,
  type SupervisionState,
} from "../supervision/machine.ts";
import { stateReason } from "../supervision/status.ts";
import type { FirstDocuments } from "../namespace/service_port.ts";

/** What the documents say about a service and no run changes. */
export interface ServiceFacts {
  readonly service_id: string;
  /** The value of `runtime.type`. */
  readonly runtime: string;
  readonly timeout_ms: number;
  /** Becomes README.md; a text that says how to invoke when absent. */
  readonly help_md?: string | undefined;
  /** Becomes SCHEMA.json; the paths of the control files when absent. */
  readonly schema?: Readonly<Record<string, unknown>> | undefined;
  /** Becomes TEMPLATE.json; `{}` when absent. */
  readonly invoke_template?: Readonly<Record<string, unknown>> | undefined;
}

/** What SCHEMA.json says when nobody supplied a schema. */
const DEFAULT_SCHEMA = {
  model: "namespace-service-v1",
  control: {
    invoke: "control/invoke.json",
    reset: "control/reset",
    enable: "control/enable",
    disable: "control/disable",
    restart: "control/restart",
  },
  result: "result.json",
  status: "status.json",
  last_error: "last_error.txt",
  metrics: "metrics.json",
  config: "config.json",
  health: "health.json",
  host: "HOST.json",
};

const HOST_KINDS: ReadonlyMap<string, string> = new Map([
  ["native_proc", "native_process"],
  ["native_inproc", "native_plugin"],
  ["wasm", "wasm"],
]);

/** The documents of a service that was never used. */
export function firstDocuments(facts: ServiceFacts, state: SupervisionState, at: Instant): FirstDocuments {
  return {
    ...manifestDocuments(facts),
    "result.json": IDLE_DOCUMENT,
    "last_error.txt": "",
    "status.json": IDLE_DOCUMENT,
    "metrics.json": firstMetricsDocument(state.stats),
    "health.json": healthDocument(facts, state, at),
  };
}

/** The documents that follow from the manifest alone. */
export function manifestDocuments(
  facts: ServiceFacts,
): Record<"README.md" | "SCHEMA.json" | "TEMPLATE.json" | "HOST.json", string> {
  return {
    "README.md": readmeDocument(facts),
    "SCHEMA.json": JSON.stringify(facts.schema ?? DEFAULT_SCHEMA),
    "TEMPLATE.json": JSON.stringify(facts.invoke_template ?? {}),
    "HOST.json": hostDocument(facts),
  };
}

/** README.md. */
function readmeDocument(facts: ServiceFacts): string {
  return facts.help_md ?? [
    `# ${facts.service_id}`,
    "Write a JSON object to control/invoke.json to run this service.",
    "Read the outcome in result.json and the state in status.json.",
    "",
  ].join("\n");
}

/** HOST.json. */
function hostDocument(facts: ServiceFacts): string {
  const kind = HOST_KINDS.get(facts.runtime);
  return JSON.stringify({
    schema: 1,
    contract: "acheron.namespace-driver",
    abi: "namespace-driver-v1",
    host_kind: kind ?? "static_linked",
    runtime_kind: facts.runtime,
    features: { supervision: true, hot_reload: kind !== undefined, dynamic_mounts: true },
  });
}

/** metrics.json before anything happened: the five counters. */
function firstMetricsDocument(stats: Stats): string {
  return JSON.stringify(countersOf(stats));
}

/** metrics.json: the five counters and the last run. */
export function metricsDocument(stats: Stats): string {
  return JSON.stringify({ ...countersOf(stats), ...lastRunOf(stats) });
}

/** health.json; while the service is not online it ends with `detail`, which says why. */
export function healthDocument(facts: ServiceFacts, state: SupervisionState, at: Instant): string {
  const detail = stateReason(state);
  return JSON.stringify({
    state: availability(state),
    enabled: state.enabled,
    service_id: facts.service_id,
    runtime: facts.runtime,
    timeout_ms: facts.timeout_ms,
    last_control_op: state.last_control_op,
    last_control_ms: state.last_control_ms,
    restarts_total: state.restarts_total,
    ...countersOf(state.stats),
    cooldown_until_ms: state.cooldown?.until_wall_ms ?? 0,
    cooldown_remaining_ms: cooldownRemaining(state, at),
    supervision: {
      max_consecutive_failures: state.policy.max_consecutive_failures,
      max_consecutive_timeouts: state.policy.max_consecutive_timeouts,
      cooldown_ms: state.policy.cooldown_ms,
      auto_disable_on_threshold: state.policy.auto_disable_on_threshold,
    },
    ...lastRunOf(state.stats),
    ...(detail === null ? {} : { detail }),
  });
}

/** status.json or health.json of a service whose manifest cannot be read as it is now; `reload_error` stands last. */
export function withReloadError(document: string, reload_error: string | undefined): string {
  return reload_error === undefined ? document : JSON.stringify({ ...JSON.parse(document), reload_error });
}

/** status.json of the service. */
export function statusDocument(status: Status, facts: ServiceFacts): string {
  switch (status.state) {
    case "idle":
      return JSON.stringify({ state: "idle" });
    case "backoff":
      return JSON.stringify({
        state: "backoff",
        reason: status.reason,
        ...subject(facts),
        retry_after_ms: status.retry_after_ms,
      });
    case "offline":
      if (!("call_id" in status)) return JSON.stringify({ state: "offline", reason: status.reason });
      return JSON.stringify(callStatusMembers(status, facts));
    default:
      return JSON.stringify(callStatusMembers(status, facts));
  }
}

/** status.json in a folder of `calls/`: that of the service, and what the run wrote to standard error. */
export function callStatusDocument(status: CallStatus, facts: ServiceFacts, stderr = ""): string {
  return JSON.stringify({ ...callStatusMembers(status, facts), ...(stderr === "" ? {} : { stderr }) });
}

function callStatusMembers(status: CallStatus, facts: ServiceFacts): Record<string, unknown> {
  switch (status.state) {
    case "queued":
      return { state: "queued", ...subject(facts), queued_ms: status.queued_ms, call_id: status.call_id };
    case "refused":
      return { state: "refused", reason: status.reason, ...subject(facts), call_id: status.call_id };
    case "running":
      return {
        state: "running",
        ...subject(facts),
        started_ms: status.started_ms,
        ...status.counters,
        timeout_ms: facts.timeout_ms,
        call_id: status.call_id,
      };
    case "ok":
      return {
        state: "ok",
        ...subject(facts),
        updated_ms: status.updated_ms,
        duration_ms: status.duration_ms,
        bytes: status.bytes,
        exit_code: 0,
        ...status.counters,
        call_id: status.call_id,
      };
    default:
      return {
        state: status.state,
        reason: status.reason,
        ...subject(facts),
        updated_ms: status.updated_ms,
        duration_ms: status.duration_ms,
        exit_code: status.exit_code,
        ...status.counters,
        retry_after_ms: status.retry_after_ms,
        call_id: status.call_id,
      };
  }
}

function subject(facts: ServiceFacts): { service_id: string; runtime: string } {
  return { service_id: facts.service_id, runtime: facts.runtime };
}

function countersOf(stats: Counters): Counters {
  return {
    invokes_total: stats.invokes_total,
    failures_total: stats.failures_total,
    consecutive_failures: stats.consecutive_failures,
    timeouts_total: stats.timeouts_total,
    consecutive_timeouts: stats.consecutive_timeouts,
  };
}

function lastRunOf(stats: Stats): Omit<Stats, keyof Counters> {
  return {
    last_duration_ms: stats.last_duration_ms,
    last_started_ms: stats.last_started_ms,
    last_finished_ms: stats.last_finished_ms,
    last_exit_code: stats.last_exit_code,
  };
}
