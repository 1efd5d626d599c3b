/**
 * A look at a driver: is what it runs there, would it start, and, where the
 * manifest declares a probe, does it do its work?
 *
 * @module
 */

import type { Driver, HealthReport, InvokeResult } from "../../drivers/driver.ts";
import type { Clock } from "../../drivers/process/clock.ts";
import type { LookReport } from "./machine.ts";

/** How long a driver may take to say how it is, in milliseconds. */
const HEALTH_MS = 10_000;

/** What is looked at; usually a service. */
export interface Probed {
  /** The driver in use; a look at an earlier one says nothing any more. */
  readonly driver: Driver;
  health(): Promise<HealthReport>;
  /** Does the declared piece of work; `undefined` when there is none or it may not be tried now. */
  tryOut(): Promise<InvokeResult> | undefined;
  looked(report: LookReport, driver: Driver): void;
}

/** Looks once and hands over what was found. Never rejects. */
export async function probe(probed: Probed, clock: Clock): Promise<void> {
  const { driver } = probed;
  const report = await healthOf(probed, clock);
  if (!report.ok) return probed.looked(report, driver);
  if (driver !== probed.driver) return;
  const work = probed.tryOut();
  probed.looked(work === undefined ? report : outcomeOf(await work), driver);
}

async function healthOf(probed: Probed, clock: Clock): Promise<LookReport> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const cancel = clock.after(HEALTH_MS, () => resolve(undefined));
  try {
    const health = await Promise.race([probed.health(), late]);
    if (health === undefined) return { ok: false, detail: `the driver did not say how it is within ${HEALTH_MS} ms` };
    if (health.state === "online") return { ok: true };
    return { ok: false, detail: health.detail ?? `the driver says that it is ${health.state}` };
  } catch (thrown) {
    // The contract forbids a driver to throw; a faulty one must not take the node down.
    return { ok: false, detail: `the driver broke: ${thrown instanceof Error ? thrown.message : String(thrown)}` };
  } finally {
    cancel();
  }
}

function outcomeOf(run: InvokeResult): LookReport {
  // A run that the node itself ended says nothing.
  if (run.ok || run.reason === "cancelled") return { ok: true };
  return { ok: false, detail: `probe failed: ${run.message}` };
}
