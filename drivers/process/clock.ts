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

/** Longest time that a timer of the runtime takes, in milliseconds: one day less than 25. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Calls `action` once after a time of any length, which one timer of the runtime may not reach. */
export function afterLong(clock: Clock, delayMs: number, action: () => void): CancelTimer {
  const deadline = clock.monotonic() + delayMs;
  let cancel: CancelTimer;
  const wait = () => {
    const left = deadline - clock.monotonic();
    cancel = clock.after(Math.min(Math.max(0, left), LONGEST_TIMER_MS), () => {
      if (deadline - clock.monotonic() > 0) wait();
      else action();
    });
  };
  wait();
  return () => cancel();
}

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
