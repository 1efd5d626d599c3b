/**
 * How long a process that keeps ending is left alone.
 *
 * @module
 */

const FIRST_MS = 250;
const LONGEST_MS = 30_000;

/** Milliseconds before the next start after that many ends in a row: none after the first, then doubling. */
export function restartDelayMs(ends: number): number {
  return ends <= 1 ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** (ends - 2));
}
