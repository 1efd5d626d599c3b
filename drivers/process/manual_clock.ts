/**
 * A clock that a test moves by hand.
 *
 * @module
 */

import type { CancelTimer, Clock } from "./clock.ts";

interface PendingTimer {
  readonly dueAt: number;
  readonly action: () => void;
}

/** A {@linkcode Clock} that stands still until `advance` is called. Wall time can be made to jump with `jumpWall`. */
export class ManualClock implements Clock {
  #wall: number;
  #monotonic = 0;
  #pending: PendingTimer[] = [];

  /** @param startMs Wall time at the beginning, in milliseconds since the Unix epoch. */
  constructor(startMs = 1_700_000_000_000) {
    this.#wall = startMs;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(delayMs: number, action: () => void): CancelTimer {
    const timer = { dueAt: this.#monotonic + Math.max(0, delayMs), action };
    this.#pending.push(timer);
    return () => {
      this.#pending = this.#pending.filter((other) => other !== timer);
    };
  }

  /** How many timers wait. */
  get pendingTimers(): number {
    return this.#pending.length;
  }

  /** Moves wall time alone, as an operator or a time server would. */
  jumpWall(deltaMs: number): void {
    this.#wall += deltaMs;
  }

  /** Moves time forward and fires every timer that falls due on the way, in the order of their due times. */
  advance(deltaMs: number): void {
    const end = this.#monotonic + deltaMs;
    for (;;) {
      const next = this.#pending
        .filter((timer) => timer.dueAt <= end)
        .reduce<PendingTimer | undefined>(
          (first, timer) => !first || timer.dueAt < first.dueAt ? timer : first,
          undefined,
        );
      if (!next) break;
      this.#pending = this.#pending.filter((other) => other !== next);
      this.#wall += next.dueAt - this.#monotonic;
      this.#monotonic = next.dueAt;
      next.action();
    }
    this.#wall += end - this.#monotonic;
    this.#monotonic = end;
  }
}
