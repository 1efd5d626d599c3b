/**
 * What a run of a program is to the caller, with its sentence.
 *
 * @module
 */

import type { FailureReason, InvokeFailure, InvokeResult } from "../driver.ts";
import type { RunResult } from "../process/run.ts";
import type { NativeProcConfig } from "./config.ts";

const nothing = new Uint8Array();

/** A failure with what was read, if anything was. */
export function failure(
  reason: FailureReason,
  message: string,
  more: Partial<Omit<InvokeFailure, "ok" | "reason" | "message">> = {},
): InvokeFailure {
  return { ok: false, reason, exit_code: -1, stdout: nothing, stderr: nothing, duration_ms: 0, ...more, message };
}

/** The result of a process that did one call. */
export function outcomeOf(run: RunResult, timeoutMs: number, config: NativeProcConfig): InvokeResult {
  const { stdout, stderr, durationMs: duration_ms, strays } = run;
  const left = strays.length === 0 ? undefined : strayNotice(config.executable_path, strays);
  if (run.end === "exit" && run.exitCode === 0) {
    const success = { ok: true, exit_code: 0, stdout, stderr, duration_ms } as const;
    return left === undefined ? success : { ...success, notice: left, strays };
  }
  const message = messageOf(run, timeoutMs, config);
  return failure(run.end satisfies FailureReason, left === undefined ? message : `${message}; ${left}`, {
    exit_code: run.exitCode,
    stdout,
    stderr,
    duration_ms,
    ...(left === undefined ? {} : { strays }),
  });
}

/** Names what has left the group of a program, which nobody ends. */
export function strayNotice(name: string, strays: readonly { readonly pid: number; readonly name: string }[]): string {
  const list = strays.map(({ pid, name }) => `${name} (pid ${pid})`).join(", ");
  return `"${name}" has started what left its process group, and that goes on: ${list}`;
}

/** The sentence for a call whose time was up. */
export function timeoutMessage(name: string, timeoutMs: number): string {
  return `service invocation terminated after timeout_ms: "${name}" ran longer than ${timeoutMs} ms`;
}

/** The sentence for a call that nobody waits for any more. */
export function cancelledMessage(name: string): string {
  return `"${name}" was ended because the service stopped`;
}

/** The sentence for a call that wrote too much. */
export function outputLimitMessage({ executable_path: name, max_output_bytes: limit }: NativeProcConfig): string {
  return `"${name}" was ended because it wrote more than ${limit} bytes; raise runtime.max_output_bytes`;
}

function messageOf(run: RunResult, timeoutMs: number, config: NativeProcConfig): string {
  const name = config.executable_path;
  switch (run.end) {
    case "exit":
      return `"${name}" exited with code ${run.exitCode} after ${run.durationMs} ms`;
    case "signal":
      return `"${name}" was ended by ${run.detail} after ${run.durationMs} ms`;
    case "timeout":
      return timeoutMessage(name, timeoutMs);
    case "cancelled":
      return cancelledMessage(name);
    case "output_limit":
      return outputLimitMessage(config);
    case "launch":
      return `Cannot start "${name}": ${run.detail}; correct the runtime of its manifest`;
  }
}
