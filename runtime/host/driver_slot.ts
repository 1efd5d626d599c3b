/**
 * A driver in use: counts its runs, and closes it when the last one has ended.
 *
 * @module
 */

import { errorText } from "../../control/protocol/errors.ts";
import type { Driver, Invocation, InvokeResult } from "../../drivers/driver.ts";
import { type Clock, sleep } from "../../drivers/process/clock.ts";

/** How long a driver gets to settle after its runs were cancelled; more than the 2,000 ms that it promises. */
const SETTLE_MS = 2_500;

/** One driver and its runs. A service that gets a new driver gets a new slot and retires the old one. */
export class DriverSlot {
  readonly driver: Driver;
  readonly #clock: Clock;
  readonly #cancel = new AbortController();
  readonly #runs = new Set<Promise<InvokeResult>>();
  #retired: Promise<void> | undefined;

  constructor(driver: Driver, clock: Clock) {
    this.driver = driver;
    this.#clock = clock;
  }

  /** Whether the driver is closed, or will be: it must run nothing more. */
  get isRetired(): boolean {
    return this.#retired !== undefined;
  }

  /** Runs one invocation; never rejects, whatever the driver does. */
  async run(invocation: Omit<Invocation, "signal">): Promise<InvokeResult> {
    const began = this.#clock.monotonic();
    const run = this.#invoke({ ...invocation, signal: this.#cancel.signal }).catch((thrown): InvokeResult => ({
      // The contract forbids a driver to throw; a faulty one must not take the node down.
      ok: false,
      reason: "launch",
      exit_code: -1,
      stdout: new Uint8Array(),
      stderr: new Uint8Array(),
      duration_ms: Math.round(this.#clock.monotonic() - began),
      message: `the driver broke: ${errorText(thrown)}`,
    }));
    this.#runs.add(run);
    const result = await run;
    this.#runs.delete(run);
    return result;
  }

  /**
   * Waits for the runs under way, then closes the driver.
   *
   * @param graceMs After this time the runs are cancelled; without it they end by their own timeout.
   */
  retire(graceMs?: number): Promise<void> {
    if (graceMs !== undefined) this.#limit(graceMs);
    this.#retired ??= this.#close();
    return this.#retired;
  }

  // A driver may throw before it has made its promise.
  // deno-lint-ignore require-await
  async #invoke(invocation: Invocation): Promise<InvokeResult> {
    return this.driver.invoke(invocation);
  }

  #limit(graceMs: number): void {
    const done = new AbortController();
    Promise.allSettled(this.#runs).then(() => done.abort());
    sleep(this.#clock, graceMs, done.signal).then(() => this.#cancel.abort());
  }

  async #close(): Promise<void> {
    await this.#idle();
    await this.driver.close();
  }

  /** Resolves when no run is under way, or when cancelled ones have had their time. */
  async #idle(): Promise<void> {
    const done = new AbortController();
    const settled = Promise.allSettled(this.#runs).then(() => done.abort());
    const overdue = new Promise<void>((resolve) => {
      const wait = () => sleep(this.#clock, SETTLE_MS, done.signal).then(resolve);
      if (this.#cancel.signal.aborted) wait();
      else this.#cancel.signal.addEventListener("abort", wait, { once: true });
    });
    await Promise.race([settled, overdue]);
  }
}
