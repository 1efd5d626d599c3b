/**
 * `runtime.supervision_status`: what the catalog says about how a service is.
 *
 * Pure. A state gives the eleven members; two of them give whether something
 * has come about that watchers are told of at once.
 *
 * Source: docs/protocol.md, "Supervision status".
 *
 * @module
 */

import { availability, isRunning, type SupervisionState } from "./machine.ts";

/** Longest `last_error`, in bytes. */
const MAX_ERROR_BYTES = 256;

/** How a service is, in the order of the wire. Times are of the wall clock, in milliseconds. */
export interface SupervisionStatus {
  readonly state: "online" | "degraded" | "offline";
  readonly enabled: boolean;
  /** Whether the last look at its driver was good. */
  readonly running: boolean;
  /** Looks at a driver that was not known to be well. */
  readonly start_attempts_total: number;
  /** How often an operator restarted it, and how often it came back by itself. */
  readonly restarts_total: number;
  /** Failed runs in a row, or bad looks if there were more. */
  readonly consecutive_failures: number;
  /** When the next try is due after the last failure; 0 for at once. */
  readonly backoff_until_ms: number;
  /** 0 for never. */
  readonly last_transition_ms: number;
  readonly last_healthy_ms: number | null;
  /** At most 256 bytes. */
  readonly last_error: string | null;
  readonly updated_at_ms: number | null;
}

/** How a service is. */
export function supervisionStatus(state: SupervisionState): SupervisionStatus {
  const { stats, looks, last_transition_ms, last_healthy_ms } = state;
  const error = looks.outcome === "bad" ? looks.detail : state.failure?.text ?? null;
  return {
    state: availability(state),
    enabled: state.enabled,
    running: isRunning(state),
    start_attempts_total: looks.start_attempts_total,
    restarts_total: state.restarts_total + looks.recoveries_total,
    consecutive_failures: Math.max(stats.consecutive_failures, looks.consecutive_failures),
    backoff_until_ms: state.backoff_until_ms,
    last_transition_ms,
    last_healthy_ms,
    last_error: error === null || error === "" ? null : shortened(error),
    updated_at_ms: Math.max(last_transition_ms, last_healthy_ms ?? 0) || null,
  };
}

/** Why a service is not online, and until when, in one line of at most 256 bytes; `null` while it is. */
export function stateReason(state: SupervisionState): string | null {
  const words = wordsFor(state);
  return words === null ? null : shortened(words);
}

function wordsFor(state: SupervisionState): string | null {
  const { looks, failure, stats, last_control_op } = state;
  const last = looks.outcome === "bad" ? looks.detail : failure?.text;
  const about = last === undefined || last === null || last === "" ? "" : `: ${last}`;
  switch (availability(state)) {
    case "online":
      return null;
    case "offline":
      return last_control_op === "auto_disable"
        ? `switched off after too many failures, until control/enable${about}`
        : "switched off, until control/enable";
    case "degraded":
      if (looks.outcome === "bad") return `its driver cannot work, until it can${about}`;
      if (state.cooldown !== null) return `cooling down after a failed run${about}`;
      return stats.consecutive_failures > 1
        ? `${stats.consecutive_failures} runs in a row failed, until a good one or control/reset${about}`
        : `the last run failed, until a good one or control/reset${about}`;
  }
}

/** Whether a service has become well or unwell, or was switched on or off: what nobody should hear of late. */
export function isTransition(before: SupervisionStatus, after: SupervisionStatus): boolean {
  return before.state !== after.state || before.enabled !== after.enabled || before.running !== after.running ||
    before.last_transition_ms !== after.last_transition_ms;
}

/** One line of at most 256 bytes that ends with a whole character. */
export function shortened(text: string): string {
  // deno-lint-ignore no-control-regex
  const bytes = new TextEncoder().encode(text.replaceAll(/[\x00-\x1f\x7f]+/g, " ").trim());
  if (bytes.length <= MAX_ERROR_BYTES) return new TextDecoder().decode(bytes);
  const ELLIPSIS = 3;
  let end = MAX_ERROR_BYTES - ELLIPSIS;
  // The bytes within a character begin with 10.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${new TextDecoder().decode(bytes.subarray(0, end))}…`;
}
