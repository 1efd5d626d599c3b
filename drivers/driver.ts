/**
 * What a driver is: the thing that does the work of a service.
 *
 * A node hands a driver one JSON document and gets bytes back. Everything a
 * client can see of that exchange (`result.json`, `status.json`, counters,
 * cooldowns) is decided by the node; a driver only runs and reports. This file
 * holds the words both sides use and imports nothing.
 *
 * The acceptance suite that every driver passes is `drivers/driver_contract.ts`.
 *
 * Source: docs/driver_abi.md.
 *
 * @module
 */

/** The values of `runtime.type` in a manifest that name a driver. */
export type RuntimeType = "native_proc" | "native_inproc" | "wasm" | "builtin";

/** One piece of work for a driver. */
export interface Invocation {
  /** Unique within the node; the same id appears in `status.json` and in the reply to the caller. */
  readonly call_id: string;
  /** The trimmed bytes of a JSON object, as the caller wrote them; at most 1 MiB. */
  readonly payload: Uint8Array;
  /** How long the run may take, in milliseconds, from the moment `invoke` is called; greater than 0. */
  readonly timeout_ms: number;
  /** Fires when nobody waits for the answer any more; see {@linkcode Driver.invoke}. */
  readonly signal: AbortSignal;
}

/**
 * Why a run did not succeed.
 *
 * `exit`: it ended with a code other than 0. `signal`: a signal ended it.
 * `timeout`: it was ended because `timeout_ms` had passed. `cancelled`: it was
 * ended because `signal` fired. `output_limit`: it was ended because it wrote
 * more than the limit. `launch`: it never ran (not found, not executable).
 */
export type FailureReason = "exit" | "signal" | "timeout" | "cancelled" | "output_limit" | "launch";

/** What every finished run reports, whether it succeeded or not. */
interface RunReport {
  /** What was written to standard output, up to the output limit. */
  readonly stdout: Uint8Array;
  /** What was written to standard error, up to the output limit. */
  readonly stderr: Uint8Array;
  /** From the call of `invoke` to the end of the run, in whole milliseconds. */
  readonly duration_ms: number;
  /** One sentence for the log of the node on what the run left behind, when it left something. */
  readonly notice?: string;
  /** What the run has started that is out of reach and goes on, as far as that is known at its end. */
  readonly strays?: readonly StrayProcess[];
  /** The same, found a moment later; never rejects. */
  readonly lateStrays?: Promise<readonly StrayProcess[]>;
}

/** A process that nobody ends. */
export interface StrayProcess {
  readonly pid: number;
  /** Name of its program, perhaps shortened. */
  readonly name: string;
}

/** A run that ended with exit code 0. */
export interface InvokeSuccess extends RunReport {
  readonly ok: true;
  readonly exit_code: 0;
}

/** A run that did not end with exit code 0, or never began. */
export interface InvokeFailure extends RunReport {
  readonly ok: false;
  readonly reason: FailureReason;
  /** The exit code of the run; -1 where there is none (signal, timeout, launch). */
  readonly exit_code: number;
  /** One sentence for a person: what happened and, where known, what to do. Never empty. */
  readonly message: string;
}

/** How a run ended. A driver returns this; it does not throw for a run that failed. */
export type InvokeResult = InvokeSuccess | InvokeFailure;

/** Whether a driver could do work now. */
export interface HealthReport {
  /** `online`: yes. `degraded`: perhaps. `offline`: no, and `detail` says why. */
  readonly state: "online" | "degraded" | "offline";
  /** One sentence for a person; `null` exactly when `state` is `online`. */
  readonly detail: string | null;
}

/**
 * Does the work of one service.
 *
 * The host calls `invoke` at most `concurrency` times at once, may call
 * `health` at any time, calls `close` once, and calls nothing after that.
 */
export interface Driver {
  /** Which kind of runtime this is; shown in `health.json` and `status.json`. */
  readonly runtime: RuntimeType;
  /** How many invocations may be under way at the same time; at least 1. */
  readonly concurrency: number;

  /**
   * Runs one invocation to its end.
   *
   * Settles within 2,000 ms after `timeout_ms` has passed or `signal` has
   * fired, and leaves no process of the run behind. Always resolves: a run that could not
   * be started resolves with reason `launch`.
   */
  invoke(invocation: Invocation): Promise<InvokeResult>;

  /** Says whether an invocation could run now, without running one. Cheap enough to ask every second. */
  health(): Promise<HealthReport>;

  /** Ends every run that is still under way and frees what the driver holds. A second call does nothing. */
  close(): Promise<void>;
}
