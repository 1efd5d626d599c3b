/**
 * How long to wait before the next try.
 *
 * @module
 */

/** Bounds of the wait, in milliseconds. */
export interface BackoffBounds {
  /** First wait. @default {5000} */
  readonly baseMs: number;
  /** Longest wait. @default {60000} */
  readonly maxMs: number;
}

/**
 * Wait before try `attempt` (0 for the first): doubles each time up to the
 * longest, less up to a fifth, so that many nodes do not come back at once.
 *
 * @param random A number from 0 to 1, 1 excluded.
 */
export function backoffMs(attempt: number, bounds: BackoffBounds, random: number): number {
  const full = Math.min(bounds.baseMs * 2 ** Math.min(attempt, 20), bounds.maxMs);
  return Math.max(1, Math.round(full * (1 - random / 5)));
}
