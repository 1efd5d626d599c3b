/**
 * A driver whose calls are done by warm helpers.
 *
 * @module
 */

import type { Driver, HealthReport, Invocation, InvokeResult, RuntimeType } from "../driver.ts";
import type { WarmHelpers } from "./warm_helpers.ts";

/** Hands everything to its helpers. */
export class WarmDriver implements Driver {
  readonly runtime: RuntimeType;
  readonly concurrency: number;
  readonly #helpers: WarmHelpers;

  constructor(runtime: RuntimeType, concurrency: number, helpers: WarmHelpers) {
    this.runtime = runtime;
    this.concurrency = concurrency;
    this.#helpers = helpers;
  }

  invoke(invocation: Invocation): Promise<InvokeResult> {
    return this.#helpers.invoke(invocation);
  }

  health(): Promise<HealthReport> {
    return this.#helpers.health();
  }

  close(): Promise<void> {
    return this.#helpers.close();
  }
}
