/**
 * How long things took, counted in buckets. Pure.
 *
 * @module
 */

/** Upper bounds of the buckets of a latency, in seconds. */
export const LATENCY_BUCKETS: readonly number[] = [
  ...[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
];

/** A distribution of durations, in seconds. */
export class Distribution {
  /** Upper bounds of the buckets, in seconds, rising. */
  readonly bounds: readonly number[];
  /** How many were not longer than the bound of that place. */
  readonly counts: number[];
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[] = LATENCY_BUCKETS) {
    this.bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  observe(seconds: number): void {
    this.count++;
    this.sum += seconds;
    for (let at = this.bounds.length - 1; at >= 0 && seconds <= (this.bounds[at] ?? 0); at--) {
      this.counts[at] = (this.counts[at] ?? 0) + 1;
    }
  }
}
