/**
 * Wakes who waits for something that may happen at any time.
 *
 * A promise for what may never happen remembers everybody who ever raced it
 * against something else, for as long as it lasts. A waker remembers only those
 * who wait now.
 *
 * @module
 */

/** Wakes those who wait; what woke them is for the caller to keep. */
export class Waker {
  readonly #waiting = new Set<() => void>();

  /** How many wait now. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Wakes everybody who waits now. */
  wake(): void {
    for (const resolve of this.#waiting) resolve();
  }

  /** Waits until somebody wakes, or `signal` fires. */
  async wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const abort = () => resolve();
    this.#waiting.add(resolve);
    signal.addEventListener("abort", abort, { once: true });
    await promise;
    this.#waiting.delete(resolve);
    signal.removeEventListener("abort", abort);
  }
}
