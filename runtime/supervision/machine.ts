/**
 * What becomes of a service when it is invoked, fails, recovers or is operated.
 *
 * Pure: a state and an event give the next state and the effects to show. The
 * caller supplies the time, runs the driver and writes the files; nothing here
 * waits or reads a clock. A launch failure is a failure like any other, so that
 * a missing executable is counted, delayed and disabled as a crash is.
 *
 * Two things tell how a service is: its runs, and the looks at its driver that
 * are taken between them. Runs and looks count their failures apart. A cooldown
 * ends half open: one run is let through, and the next ones wait for what
 * becomes of it. When it fails too, the next cooldown is twice as long.
 *
 * Deadlines go by monotonic time. Wall time is carried along for display and
 * for the state file only, so a jump of the machine's clock neither prolongs
 * nor ends a cooldown.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { initialState, supervise } from "./machine.ts";
 *
 * const at = { wall_ms: 1_700_000_000_000, monotonic_ms: 0 };
 * const disabled = supervise(initialState(), { type: "operate", op: "disable", at });
 * const step = supervise(disabled.state, { type: "admit", at });
 * assert.equal(step.refusal?.reason, "disabled");
 * ```
 *
 * @module
 */

import type { FailureReason, InvokeFailure, InvokeResult } from "../../drivers/driver.ts";
import { declaredPolicy, type DeclaredSupervision, DEFAULT_DECLARED, type SupervisionPolicy } from "./policy.ts";

/** One moment on both clocks. */
export interface Instant {
  /** Milliseconds since the Unix epoch; may jump. */
  readonly wall_ms: number;
  /** Milliseconds since an arbitrary moment; never goes back. */
  readonly monotonic_ms: number;
}

/** Totals and streaks; these five stand in every document about a service. */
export interface Counters {
  readonly invokes_total: number;
  readonly failures_total: number;
  readonly consecutive_failures: number;
  readonly timeouts_total: number;
  readonly consecutive_timeouts: number;
}

/** Counters and the last finished run. */
export interface Stats extends Counters {
  readonly last_duration_ms: number;
  readonly last_started_ms: number;
  readonly last_finished_ms: number;
  readonly last_exit_code: number;
}

/** What an operator does to a service by writing to a file of `control/`. */
export type OperatorOp = "enable" | "disable" | "restart" | "reset";

/** What changed the state of a service last, other than a run. */
export type ControlOp = "init" | "config_update" | "auto_disable" | OperatorOp;

/** Until when invokes are refused. */
export interface Cooldown {
  readonly until_wall_ms: number;
  readonly until_monotonic_ms: number;
}

/** What the looks at a driver have found. */
export interface Looks {
  /** Of the last one; `unknown` before the first, and after a start anew. */
  readonly outcome: "unknown" | "good" | "bad";
  /** Why the last one was bad; one sentence. */
  readonly detail: string | null;
  /** Bad ones in a row. */
  readonly consecutive_failures: number;
  /** Looks at a driver that was not known to be well. */
  readonly start_attempts_total: number;
  /** How often a good one followed a bad one. */
  readonly recoveries_total: number;
}

/** What a look at a driver has found. */
export type LookReport =
  | { readonly ok: true }
  /** `detail`: one sentence for a person. */
  | { readonly ok: false; readonly detail: string };

/** All that the machine knows of one service. */
export interface SupervisionState {
  readonly enabled: boolean;
  readonly restarts_total: number;
  readonly last_control_op: ControlOp;
  /** When, on the wall clock; 0 for `init`. */
  readonly last_control_ms: number;
  readonly policy: SupervisionPolicy;
  /** What the manifest says; `config.json` stands over it in `policy`. */
  readonly declared: DeclaredSupervision;
  readonly cooldown: Cooldown | null;
  /** Cooldowns since the last good run. */
  readonly trips: number;
  /** The run that decides whether the cooldown was long enough; no other begins while it is under way. */
  readonly trial: string | null;
  /** Cooldowns so far; and for each run under way how many there were when it began. */
  readonly cooldowns: number;
  readonly underWay: ReadonlyMap<string, number>;
  readonly stats: Stats;
  readonly looks: Looks;
  /** The last failed run, until one succeeds, or what could not be started is there again: why, and in one line. */
  readonly failure: { readonly reason: FailureReason; readonly text: string } | null;
  /** When the next try is due after the last failure, on the wall clock; 0 for at once. */
  readonly backoff_until_ms: number;
  /** When the service last became well or unwell, or was switched on or off, on the wall clock; 0 for never. */
  readonly last_transition_ms: number;
  /** When it last became well; `null` for never. */
  readonly last_healthy_ms: number | null;
}

/** Something that happened to a service. */
export type SupervisionEvent =
  /** Somebody wants to run it: the step says whether that is refused. */
  | { readonly type: "admit"; readonly at: Instant }
  | { readonly type: "start"; readonly at: Instant; readonly call_id: string }
  | { readonly type: "finish"; readonly at: Instant; readonly call_id: string; readonly result: InvokeResult }
  | { readonly type: "operate"; readonly at: Instant; readonly op: OperatorOp }
  | { readonly type: "configure"; readonly at: Instant; readonly policy: SupervisionPolicy }
  /** Somebody has looked at the driver. */
  | { readonly type: "look"; readonly at: Instant; readonly report: LookReport }
  /** The manifest or the driver is another one now. */
  | {
    readonly type: "redefine";
    readonly at: Instant;
    readonly declared: DeclaredSupervision;
    readonly policy: SupervisionPolicy;
  }
  /** Time went by: a cooldown may be over. */
  | { readonly type: "tick"; readonly at: Instant };

/** What `status.json` says about a run. */
export type CallStatus =
  | { readonly state: "queued"; readonly call_id: string; readonly queued_ms: number }
  | { readonly state: "refused"; readonly call_id: string; readonly reason: "disabled" | "cooldown" | "stopping" }
  | {
    readonly state: "running";
    readonly call_id: string;
    readonly started_ms: number;
    readonly counters: Counters;
  }
  | {
    readonly state: "ok";
    readonly call_id: string;
    readonly updated_ms: number;
    readonly duration_ms: number;
    /** Length of `result.json`. */
    readonly bytes: number;
    readonly counters: Counters;
  }
  | {
    readonly state: "error" | "timeout" | "offline";
    readonly reason:
      | "invoke_error"
      | "timeout"
      | "cancelled"
      | "max_consecutive_failures"
      | "max_consecutive_timeouts";
    readonly call_id: string;
    readonly updated_ms: number;
    readonly duration_ms: number;
    readonly exit_code: number;
    readonly counters: Counters;
    readonly retry_after_ms: number;
  };

/** What `status.json` of the service says. */
export type Status =
  | { readonly state: "idle" }
  | { readonly state: "offline"; readonly reason: "disabled" | "max_consecutive_failures" }
  | { readonly state: "backoff"; readonly reason: "cooldown"; readonly retry_after_ms: number }
  | CallStatus;

/** A file to rewrite. Effects are shown in the order of the list; `metrics` and `health` are rendered from the state. */
export type Effect =
  | { readonly file: "result" | "last_error"; readonly content: Uint8Array | string }
  | { readonly file: "status"; readonly status: Status }
  | { readonly file: "metrics" | "health" }
  | {
    readonly file: "call";
    readonly call_id: string;
    readonly status: CallStatus;
    /** Absent until the run has ended. */
    readonly result?: Uint8Array;
    /** What a finished run wrote to standard error. */
    readonly stderr?: Uint8Array;
  };

/** Why a run may not begin now. */
export type Refusal =
  | { readonly reason: "disabled" }
  | { readonly reason: "cooldown"; readonly retry_after_ms: number };

/** What an event leads to. */
export interface Step {
  readonly state: SupervisionState;
  readonly effects: readonly Effect[];
  /** Set by `admit` only. */
  readonly refusal?: Refusal;
}

/** What `result.json` and `status.json` hold when there is nothing to tell. */
export const IDLE_DOCUMENT = '{"state":"idle"}';

const EMPTY_RESULT = new Uint8Array([0x7b, 0x7d]);

/** The looks at a driver that nobody has looked at. */
const NO_LOOKS: Looks = {
  outcome: "unknown",
  detail: null,
  consecutive_failures: 0,
  start_attempts_total: 0,
  recoveries_total: 0,
};

/** The state of a service that was never used. */
export function initialState(declared: DeclaredSupervision = DEFAULT_DECLARED): SupervisionState {
  return {
    enabled: true,
    restarts_total: 0,
    last_control_op: "init",
    last_control_ms: 0,
    policy: declaredPolicy(declared),
    declared,
    cooldown: null,
    trips: 0,
    trial: null,
    cooldowns: 0,
    underWay: new Map(),
    looks: NO_LOOKS,
    failure: null,
    backoff_until_ms: 0,
    last_transition_ms: 0,
    last_healthy_ms: null,
    stats: {
      invokes_total: 0,
      failures_total: 0,
      consecutive_failures: 0,
      timeouts_total: 0,
      consecutive_timeouts: 0,
      last_duration_ms: 0,
      last_started_ms: 0,
      last_finished_ms: 0,
      last_exit_code: 0,
    },
  };
}

/** Milliseconds until invokes are let through again; 0 when they are. */
export function cooldownRemaining(state: SupervisionState, at: Instant): number {
  return state.cooldown === null ? 0 : Math.max(0, Math.ceil(state.cooldown.until_monotonic_ms - at.monotonic_ms));
}

/**
 * Whether a service is of use: `degraded` after a failed run until the next good
 * one, or until what could not be started is there again, and after a bad look until the next good one, `offline` while disabled.
 */
export function availability(state: SupervisionState): "online" | "degraded" | "offline" {
  if (!state.enabled) return "offline";
  const isUnwell = state.cooldown !== null || state.failure !== null || state.looks.outcome === "bad";
  return isUnwell ? "degraded" : "online";
}

/** Whether a run could begin, as far as the last look tells. */
export function isRunning(state: SupervisionState): boolean {
  return state.enabled && state.looks.outcome === "good";
}

/** Longest cooldown that a policy leads to, in milliseconds. */
export function longestCooldown({ policy, declared }: SupervisionState): number {
  return policy.cooldown_ms === 0 ? 0 : Math.max(policy.cooldown_ms, declared.restart_backoff_max_ms);
}

/** Milliseconds from a look to the next: the interval when all is well, else a wait that doubles. */
export function nextLookIn({ declared, looks }: SupervisionState): number {
  const { restart_backoff_ms: first, restart_backoff_max_ms: longest } = declared;
  if (looks.outcome !== "bad") return declared.health_check_interval_ms;
  return doubled(first, looks.consecutive_failures, Math.max(first, longest));
}

/** `first` for the first time, twice as long for each further one, `longest` at most. */
function doubled(first: number, time: number, longest: number): number {
  // Beyond 2 to the 30th every wait is the longest.
  return Math.min(first * 2 ** Math.min(Math.max(0, time - 1), 30), longest);
}

/** Takes one event. */
export function supervise(state: SupervisionState, event: SupervisionEvent): Step {
  const step = take(state, event);
  const next = step.state;
  const [was, is] = [availability(state), availability(next)];
  if (was === is && isRunning(state) === isRunning(next)) return step;
  const healthy = is === "online" ? { last_healthy_ms: event.at.wall_ms } : {};
  return { ...step, state: { ...next, last_transition_ms: event.at.wall_ms, ...healthy } };
}

function take(state: SupervisionState, event: SupervisionEvent): Step {
  switch (event.type) {
    case "admit":
      return admit(state, event.at);
    case "start":
      return start(state, event.call_id, event.at);
    case "finish": {
      const underWay = new Map(state.underWay);
      underWay.delete(event.call_id);
      const step = event.result.ok
        ? succeed(state, event.call_id, event.result, event.at)
        : fail(state, event.call_id, event.result, event.at);
      return { ...step, state: { ...step.state, underWay } };
    }
    case "operate":
      return operate(state, event.op, event.at);
    case "configure": {
      const next = { ...controlled(state, "config_update", event.at), policy: event.policy };
      return { state: next, effects: [{ file: "health" }] };
    }
    case "look":
      return event.report.ok ? goodLook(state) : badLook(state, event.report.detail, event.at);
    case "redefine":
      return redefine(state, event.declared, event.policy);
    case "tick":
      if (state.cooldown === null || cooldownRemaining(state, event.at) > 0) return { state, effects: [] };
      return { state: { ...state, cooldown: null }, effects: [{ file: "health" }] };
  }
}

function admit(state: SupervisionState, at: Instant): Step {
  if (!state.enabled) {
    return {
      state,
      refusal: { reason: "disabled" },
      effects: [
        { file: "status", status: { state: "offline", reason: "disabled" } },
        { file: "last_error", content: "service runtime disabled" },
        { file: "health" },
      ],
    };
  }
  const retry_after_ms = cooldownRemaining(state, at);
  if (retry_after_ms === 0 && (state.trips === 0 || state.trial === null)) return { state, effects: [] };
  return {
    state,
    refusal: { reason: "cooldown", retry_after_ms },
    effects: [
      { file: "status", status: { state: "backoff", reason: "cooldown", retry_after_ms } },
      { file: "last_error", content: "service runtime cooling down" },
      { file: "health" },
    ],
  };
}

function start(state: SupervisionState, call_id: string, at: Instant): Step {
  const stats = {
    ...state.stats,
    invokes_total: state.stats.invokes_total + 1,
    last_started_ms: at.wall_ms,
  };
  const status = { state: "running", call_id, started_ms: at.wall_ms, counters: countersOf(stats) } as const;
  const trial = state.trips > 0 && cooldownRemaining(state, at) === 0 ? call_id : state.trial;
  return {
    state: { ...state, stats, trial, underWay: new Map(state.underWay).set(call_id, state.cooldowns) },
    effects: [{ file: "status", status }, { file: "call", call_id, status }],
  };
}

function succeed(
  state: SupervisionState,
  call_id: string,
  run: InvokeResult & { readonly ok: true },
  at: Instant,
): Step {
  const stats = {
    ...state.stats,
    consecutive_failures: 0,
    consecutive_timeouts: 0,
    ...lastRun(run, at),
  };
  const result = run.stdout.length === 0 ? EMPTY_RESULT : run.stdout;
  const status = {
    state: "ok",
    call_id,
    updated_ms: at.wall_ms,
    duration_ms: run.duration_ms,
    bytes: result.length,
    counters: countersOf(stats),
  } as const;
  // Somebody disabled the service meanwhile: what the files say about that stays.
  const outcome: Effect[] = state.enabled ? [{ file: "last_error", content: "" }, { file: "status", status }] : [];
  const over = isFromBefore(state, call_id) ? {} : { cooldown: null, trips: 0, trial: null, backoff_until_ms: 0 };
  return {
    state: { ...state, stats, failure: null, looks: seenWell(state.looks), ...over },
    effects: [
      { file: "result", content: result },
      ...outcome,
      { file: "metrics" },
      { file: "health" },
      { file: "call", call_id, status, result, stderr: run.stderr },
    ],
  };
}

/** Whether a run began before the last cooldown: what becomes of it tells nothing of how things are after it. */
function isFromBefore({ trips, cooldowns, underWay }: SupervisionState, call_id: string): boolean {
  return trips > 0 && (underWay.get(call_id) ?? cooldowns) < cooldowns;
}

function fail(state: SupervisionState, call_id: string, run: InvokeFailure, at: Instant): Step {
  const over = state.trial === call_id ? { ...state, trial: null } : state;
  const next = run.reason === "cancelled"
    // The node ended the run, so it says nothing about the driver.
    ? { ...over, stats: { ...state.stats, ...lastRun(run, at) } }
    : punish(over, call_id, run, at);
  const isTimeout = run.reason === "timeout";
  const threshold = state.enabled && !next.enabled ? thresholdReached(next) : undefined;
  const status = {
    state: threshold !== undefined ? "offline" : isTimeout ? "timeout" : "error",
    reason: threshold ?? (isTimeout ? "timeout" : run.reason === "cancelled" ? "cancelled" : "invoke_error"),
    call_id,
    updated_ms: at.wall_ms,
    duration_ms: run.duration_ms,
    exit_code: run.exit_code,
    counters: countersOf(next.stats),
    retry_after_ms: cooldownRemaining(next, at),
  } as const;
  const outcome: Effect[] = state.enabled
    ? [{ file: "last_error", content: failureText(run) }, { file: "status", status }]
    : [];
  return {
    state: next,
    effects: [
      ...outcome,
      { file: "metrics" },
      { file: "health" },
      { file: "call", call_id, status, result: run.stdout, stderr: run.stderr },
    ],
  };
}

/** Counts a failure and draws the consequences of the policy. */
function punish(state: SupervisionState, call_id: string, run: InvokeFailure, at: Instant): SupervisionState {
  const isTimeout = run.reason === "timeout";
  const stats = {
    ...state.stats,
    failures_total: state.stats.failures_total + 1,
    consecutive_failures: state.stats.consecutive_failures + 1,
    timeouts_total: state.stats.timeouts_total + (isTimeout ? 1 : 0),
    consecutive_timeouts: isTimeout ? state.stats.consecutive_timeouts + 1 : 0,
    ...lastRun(run, at),
  };
  const failure = { reason: run.reason, text: failureLine(run) };
  // What could not be started was looked at, in a way, and the next look may find it there again.
  const looks = run.reason === "launch"
    ? { ...state.looks, outcome: "bad" as const, detail: failure.text }
    : state.looks;
  const counted = { ...state, stats, failure, looks };
  if (!state.enabled) return counted;
  if (thresholdReached(counted) !== undefined) {
    return { ...controlled(counted, "auto_disable", at), enabled: false };
  }
  const { cooldown_ms } = state.policy;
  if (cooldown_ms === 0) return counted;
  // Runs that began together and fail together are one reason for one cooldown.
  const isCooling = cooldownRemaining(state, at) > 0;
  if (!isCooling && isFromBefore(state, call_id)) return counted;
  const trips = isCooling ? state.trips : state.trips + 1;
  const wait = doubled(cooldown_ms, trips, longestCooldown(state));
  return {
    ...counted,
    trips,
    cooldowns: state.cooldowns + (isCooling ? 0 : 1),
    cooldown: { until_wall_ms: at.wall_ms + wait, until_monotonic_ms: at.monotonic_ms + wait },
    backoff_until_ms: at.wall_ms + wait,
  };
}

function seenWell(looks: Looks): Looks {
  if (looks.outcome !== "bad") return looks;
  const recoveries_total = looks.recoveries_total + 1;
  return { ...looks, outcome: "good", detail: null, consecutive_failures: 0, recoveries_total };
}

/** Counts a try to find a driver well that was not known to be. */
function withAttempt(looks: Looks): Looks {
  return looks.outcome === "good" ? looks : { ...looks, start_attempts_total: looks.start_attempts_total + 1 };
}

/** Says how the driver is and nothing of the runs: what the cooldowns and thresholds go by stays. */
function goodLook(state: SupervisionState): Step {
  if (!state.enabled) return { state, effects: [] };
  const looks = { ...seenWell(withAttempt(state.looks)), outcome: "good" as const };
  const wasBad = state.looks.outcome === "bad";
  // A program that is there again makes up for runs that failed because it was not.
  const failure = wasBad && state.failure?.reason === "launch" ? null : state.failure;
  const backoff_until_ms = state.cooldown?.until_wall_ms ?? 0;
  return { state: { ...state, looks, failure, backoff_until_ms }, effects: wasBad ? [{ file: "health" }] : [] };
}

function badLook(state: SupervisionState, detail: string, at: Instant): Step {
  if (!state.enabled) return { state, effects: [] };
  const { max_consecutive_failures: limit, auto_disable_on_failures } = state.declared;
  const consecutive_failures = state.looks.consecutive_failures + 1;
  const looks = { ...withAttempt(state.looks), outcome: "bad" as const, detail, consecutive_failures };
  const seen = { ...state, looks };
  if (auto_disable_on_failures && limit > 0 && consecutive_failures >= limit) {
    return {
      state: { ...controlled(seen, "auto_disable", at), enabled: false },
      effects: [
        { file: "last_error", content: detail },
        { file: "status", status: { state: "offline", reason: "max_consecutive_failures" } },
        { file: "health" },
      ],
    };
  }
  return {
    state: { ...seen, backoff_until_ms: at.wall_ms + nextLookIn(seen) },
    effects: state.looks.outcome === "bad" ? [] : [{ file: "health" }],
  };
}

/** Looks begin anew; what is known of the last one holds until the next. */
function redefine(state: SupervisionState, declared: DeclaredSupervision, policy: SupervisionPolicy): Step {
  const looks = { ...state.looks, consecutive_failures: 0 };
  return { state: { ...state, declared, policy, looks }, effects: [{ file: "health" }] };
}

/** The rule that disables the service, failures before timeouts; undefined for none. */
function thresholdReached(
  { policy, stats }: SupervisionState,
): "max_consecutive_failures" | "max_consecutive_timeouts" | undefined {
  const reached = (limit: number, streak: number) => limit > 0 && streak >= limit;
  if (!policy.auto_disable_on_threshold) return undefined;
  if (reached(policy.max_consecutive_failures, stats.consecutive_failures)) return "max_consecutive_failures";
  if (reached(policy.max_consecutive_timeouts, stats.consecutive_timeouts)) return "max_consecutive_timeouts";
  return undefined;
}

function operate(state: SupervisionState, op: OperatorOp, at: Instant): Step {
  const base = controlled(state, op, at);
  const health = { file: "health" } as const;
  if (op === "disable") {
    const status = { file: "status", status: { state: "offline", reason: "disabled" } } as const;
    return { state: { ...base, enabled: false }, effects: [status, health] };
  }
  // A streak that outlived `enable` would let the very next failure disable the service again.
  const next = {
    ...base,
    looks: { ...state.looks, consecutive_failures: 0 },
    failure: null,
    enabled: op === "enable" || state.enabled,
    restarts_total: state.restarts_total + (op === "restart" ? 1 : 0),
    stats: { ...state.stats, consecutive_failures: 0, consecutive_timeouts: 0 },
  };
  const hadStreak = state.stats.consecutive_failures > 0 || state.stats.consecutive_timeouts > 0;
  const status: Status = next.enabled ? { state: "idle" } : { state: "offline", reason: "disabled" };
  const effects: Effect[] = [];
  if (op !== "enable") effects.push({ file: "result", content: IDLE_DOCUMENT });
  effects.push({ file: "last_error", content: "" }, { file: "status", status });
  if (op === "reset" || hadStreak) effects.push({ file: "metrics" });
  effects.push(health);
  return { state: next, effects };
}

/** Every act of an operator, and an automatic one, ends a cooldown. */
function controlled(state: SupervisionState, op: ControlOp, at: Instant): SupervisionState {
  return {
    ...state,
    last_control_op: op,
    last_control_ms: at.wall_ms,
    cooldown: null,
    trips: 0,
    trial: null,
    backoff_until_ms: 0,
  };
}

function lastRun(
  run: InvokeResult,
  at: Instant,
): Pick<Stats, "last_duration_ms" | "last_finished_ms" | "last_exit_code"> {
  return { last_duration_ms: run.duration_ms, last_finished_ms: at.wall_ms, last_exit_code: run.exit_code };
}

function countersOf(stats: Stats): Counters {
  return {
    invokes_total: stats.invokes_total,
    failures_total: stats.failures_total,
    consecutive_failures: stats.consecutive_failures,
    timeouts_total: stats.timeouts_total,
    consecutive_timeouts: stats.consecutive_timeouts,
  };
}

/** What `last_error.txt` says: the driver's own words where it had any, else the reference's sentence and the cause. */
function failureText(run: InvokeFailure): Uint8Array | string {
  if (run.stderr.length > 0 && run.reason !== "launch") return run.stderr;
  switch (run.reason) {
    case "timeout":
      return beginningWith("service invocation terminated after timeout_ms", run.message);
    case "exit":
    case "signal":
      return beginningWith("service process failed", run.message);
    default:
      return run.message;
  }
}

/** A driver may have said the sentence itself. */
function beginningWith(sentence: string, message: string): string {
  return message.startsWith(sentence) ? message : `${sentence}: ${message}`;
}

/** A failed run in one line: what happened, and the first line that the driver wrote about it. */
function failureLine(run: InvokeFailure): string {
  const said = new TextDecoder().decode(run.stderr.subarray(0, 1_024)).trim().split(/[\r\n]/, 1)[0] ?? "";
  return said === "" || run.reason === "launch" ? run.message : `${run.message}: ${said}`;
}
