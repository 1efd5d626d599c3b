/**
 * What is counted of services and their runs.
 *
 * @module
 */

/** A run that has ended, as it is counted. */
export interface EndedRun {
  /** The value of `runtime.type`. */
  readonly runtime: string;
  /** From the call of the driver to its end, in milliseconds. */
  readonly duration_ms: number;
  readonly outcome: "ok" | "error" | "timeout";
}

/** The numbers of a service at this moment. Totals survive a restart of the node, with its state. */
export interface ServiceNumbers {
  readonly service_id: string;
  readonly state: "online" | "degraded" | "offline";
  readonly enabled: boolean;
  readonly invokes_total: number;
  readonly failures_total: number;
  readonly timeouts_total: number;
  readonly restarts_total: number;
  readonly running: number;
  readonly queued: number;
}
