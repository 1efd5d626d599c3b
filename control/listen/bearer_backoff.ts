/**
 * How long an address that brings wrong tokens has to wait. Pure: the caller holds
 * the records and says what time it is.
 *
 * @module
 */

/** So many failures within {@linkcode FAILURE_WINDOW_MS} are free. */
export const FREE_FAILURES = 5;
/** In milliseconds. An address that is quiet for so long after its wait begins anew. */
export const FAILURE_WINDOW_MS = 60_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

/** What is remembered of an address. Times are those of one clock that never goes back, in milliseconds. */
export interface FailureRecord {
  /** When its last failures were; at most {@linkcode FREE_FAILURES}. */
  readonly failedAtMs: readonly number[];
  /** The wait that the last failure brought; 0 for none. */
  readonly waitMs: number;
}

/**
 * What is remembered after one more wrong token: the fifth failure within a minute brings a wait of one second, each
 * further one doubles it, up to a minute.
 */
export function afterFailure(record: FailureRecord | undefined, nowMs: number): FailureRecord {
  const known = record === undefined || isForgotten(record, nowMs) ? { failedAtMs: [], waitMs: 0 } : record;
  const recent = known.failedAtMs.filter((time) => nowMs - time < FAILURE_WINDOW_MS);
  const failedAtMs = [...recent, nowMs].slice(-FREE_FAILURES);
  if (known.waitMs > 0) return { failedAtMs, waitMs: Math.min(LONGEST_WAIT_MS, 2 * known.waitMs) };
  return { failedAtMs, waitMs: failedAtMs.length === FREE_FAILURES ? FIRST_WAIT_MS : 0 };
}

/** Whole seconds until the next token of this address is looked at; 0 for now. */
export function retryAfterSeconds(record: FailureRecord | undefined, nowMs: number): number {
  return record === undefined ? 0 : Math.max(0, Math.ceil((waitEndMs(record) - nowMs) / 1000));
}

function isForgotten(record: FailureRecord, nowMs: number): boolean {
  return nowMs - waitEndMs(record) >= FAILURE_WINDOW_MS;
}

function waitEndMs({ failedAtMs, waitMs }: FailureRecord): number {
  return (failedAtMs.at(-1) ?? -Infinity) + waitMs;
}
