/**
 * Drivers: what does the work of a service.
 *
 * @module
 */

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
export { createNativeProcDriver, type NativeProcDeps } from "./native_proc/native_proc.ts";
