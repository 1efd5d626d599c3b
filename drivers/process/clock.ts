/**
 * Time as a parameter.
 *
 * Whatever waits, expires or measures takes a {@linkcode Clock}; the program
 * hands it `systemClock`, a test hands it a `ManualClock` and moves it by hand.
 *
 * @module
 */

/** Ends a pending timer; a second call, or one after it fired, does nothing. */
export type CancelTimer = () => void;

/** A source of time. */
export interface Clock {
  /** Wall time in milliseconds since the Unix epoch. It may jump either way: use it for display, never for a deadline. */
  now(): number;
  /** Milliseconds since an arbitrary moment; never goes back. Use it for durations and deadlines. */
  monotonic(): number;
  /** Calls `action` once, `delayMs` milliseconds from now (at the next turn for 0 or less). */
  after(delayMs: number, action: () => void): CancelTimer;
}

/** The clock of the machine. Its timers keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, Math.max(0, delayMs));
    return () => clearTimeout(timer);
  },
};

/**
 * Waits on `clock`.
 *
 * @param delayMs How long, in milliseconds.
 * @param signal Ends the wait early; the promise then resolves, it does not reject.
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal?.addEventListener("abort", done);
  });
}
