/**
 * So much of something in a time, and no more: for what anybody can cause.
 *
 * @module
 */

import type { Clock } from "../../drivers/process/clock.ts";

/** Lets through so many a period. */
export class Budget {
  readonly #clock: Clock;
  readonly #count: number;
  readonly #periodMs: number;
  #start = -Infinity;
  #taken = 0;

  /** @param periodMs In milliseconds. */
  constructor(clock: Clock, count: number, periodMs: number) {
    this.#clock = clock;
    this.#count = count;
    this.#periodMs = periodMs;
  }

  /** Whether there is one left in this period; it is taken then. */
  take(): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#start >= this.#periodMs) [this.#start, this.#taken] = [now, 0];
    return this.#taken++ < this.#count;
  }
}
