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
import { nativeInprocConfig } from "./native_inproc/config.ts";
import { createNativeInprocDriver, type NativeInprocDeps } from "./native_inproc/native_inproc.ts";
import { nativeProcConfig } from "./native_proc/config.ts";
import { createNativeProcDriver, type NativeProcDeps } from "./native_proc/native_proc.ts";
import { wasmConfig } from "./wasm/config.ts";
import { createWasmDriver, type WasmDeps } from "./wasm/wasm.ts";

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

/** What drivers take from outside. */
export type DriverDeps =
  & Omit<NativeProcDeps, "startSelf">
  & Omit<NativeInprocDeps, "startSelf">
  & Omit<WasmDeps, "startSelf">;

/** Makes a driver from the `runtime` of a manifest. @throws {z.ZodError} If `runtime` is not as its schema wants it. */
export type DriverFactory = (runtime: unknown, deps: DriverDeps) => Driver;

/** The drivers of this version by `runtime.type`. */
export const driverFactories: Readonly<Partial<Record<RuntimeType, DriverFactory>>> = {
  native_proc: (runtime, deps) => createNativeProcDriver(nativeProcConfig.parse(runtime), deps),
  native_inproc: (runtime, deps) => createNativeInprocDriver(nativeInprocConfig.parse(runtime), deps),
  wasm: (runtime, deps) => createWasmDriver(wasmConfig.parse(runtime), deps),
};

/** The member of `runtime` without which there is nothing to run. */
const whatRuns: Readonly<Partial<Record<RuntimeType, string>>> = {
  native_proc: "executable_path",
  native_inproc: "library_path",
  wasm: "module_path",
};

/** How to make the driver of a checked `runtime`; undefined when it names nothing that could run. */
export function driverMaker(
  runtime: { readonly type: RuntimeType; readonly [member: string]: unknown },
  deps: DriverDeps,
): (() => Driver) | undefined {
  const [factory, member] = [driverFactories[runtime.type], whatRuns[runtime.type]];
  if (factory === undefined || member === undefined || runtime[member] === undefined) return undefined;
  return () => factory(runtime, deps);
}
