/**
 * Drivers: what does the work of a service.
 *
 * Adding one is adding a folder that passes `driver_contract.ts`, and a line in
 * {@linkcode driverFactories}.
 *
 * ```ts
 * import process from "node:process";
 * import { driverFactories } from "./mod.ts";
 * import { systemClock } from "./process/mod.ts";
 *
 * const runtime = { type: "native_proc", executable_path: "zss", args: ["driver", "echo"] };
 * const driver = driverFactories.native_proc?.(runtime, { clock: systemClock, cwd: process.cwd(), env: process.env });
 * ```
 *
 * @module
 */

import type { Driver, RuntimeType } from "./driver.ts";
import { nativeProcConfig } from "./native_proc/config.ts";
import { createNativeProcDriver, type NativeProcDeps } from "./native_proc/native_proc.ts";

export type {
  Driver,
  FailureReason,
  HealthReport,
  Invocation,
  InvokeFailure,
  InvokeResult,
  InvokeSuccess,
  RuntimeType,
} from "./driver.ts";
export { type NativeProcConfig, nativeProcConfig } from "./native_proc/config.ts";
export { isReservedVariable } from "./process/reserved_variables.ts";
export { createNativeProcDriver, type NativeProcDeps } from "./native_proc/native_proc.ts";

/** Makes a driver from the `runtime` of a manifest. @throws {z.ZodError} If `runtime` is not as its schema wants it. */
export type DriverFactory = (runtime: unknown, deps: NativeProcDeps) => Driver;

/** The drivers of this version by `runtime.type`. */
export const driverFactories: Readonly<Partial<Record<RuntimeType, DriverFactory>>> = {
  native_proc: (runtime, deps) => createNativeProcDriver(nativeProcConfig.parse(runtime), deps),
};
