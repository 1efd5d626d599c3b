/**
 * The driver that starts a program for each invocation.
 *
 * The payload is the program's standard input; what it writes to standard
 * output is the result, to standard error the reason when it fails. It gets a
 * clean environment: never a token of the node.
 *
 * @module
 */

import { resolve } from "node:path";
import type { Driver, FailureReason, HealthReport, Invocation, InvokeResult } from "../driver.ts";
import type { Clock } from "../process/clock.ts";
import { currentOs, type Os } from "../process/os.ts";
import { runProgram, type RunResult } from "../process/run.ts";
import { helperCommand } from "../process/self_command.ts";
import type { NativeProcConfig } from "./config.ts";

/** What the driver takes from outside. */
export interface NativeProcDeps {
  readonly clock: Clock;
  /** Folder of the node: relative paths start here. */
  readonly cwd: string;
  /** Environment of the node; the child gets only the few variables that every program needs. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly os?: Os;
}

/** How many runs of one service may be under way. */
const CONCURRENCY = 4;

interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Makes the driver of one service. The program is looked for at each run, so it may be installed later. */
export function createNativeProcDriver(config: NativeProcConfig, deps: NativeProcDeps): Driver {
  return new NativeProcDriver(config, deps);
}

class NativeProcDriver implements Driver {
  readonly runtime = "native_proc";
  readonly concurrency = CONCURRENCY;
  readonly #config: NativeProcConfig;
  readonly #deps: NativeProcDeps;
  readonly #os: Os;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(config: NativeProcConfig, deps: NativeProcDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#os = deps.os ?? currentOs;
  }

  async invoke(invocation: Invocation): Promise<InvokeResult> {
    const program = this.#program();
    if ("reason" in program) return notStarted(program.reason);
    const run = runProgram({
      ...program,
      cwd: this.#cwd(),
      env: { ...this.#childEnv(), ...program.env, ...this.#config.env },
      stdin: invocation.payload,
      timeoutMs: invocation.timeout_ms,
      maxOutputBytes: this.#config.max_output_bytes,
      signal: AbortSignal.any([invocation.signal, this.#closing.signal]),
      clock: this.#deps.clock,
      os: this.#os,
    });
    this.#running.add(run);
    try {
      return this.#report(await run, invocation.timeout_ms);
    } finally {
      this.#running.delete(run);
    }
  }

  health(): Promise<HealthReport> {
    const program = this.#program();
    return Promise.resolve(
      "reason" in program ? { state: "offline", detail: program.reason } : { state: "online", detail: null },
    );
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#running);
  }

  #program(): Program | { readonly reason: string } {
    const { executable_path: name, args } = this.#config;
    // The bare name means this very program, so that the reference drivers work wherever it is installed.
    if (name === "zss") return helperCommand("driver", args);
    const found = this.#os.findProgram(name, { path: this.#deps.env["PATH"] ?? "", cwd: this.#cwd() });
    if (found.found) return { file: found.file, args, env: {} };
    return { reason: `Cannot start "${name}": ${found.reason}; install it or correct runtime.executable_path` };
  }

  #cwd(): string {
    return resolve(this.#deps.cwd, this.#config.cwd ?? ".");
  }

  #childEnv(): Record<string, string> {
    const env: Record<string, string> = {};
    for (const name of this.#os.childVariables) {
      const value = this.#deps.env[name];
      if (value !== undefined) env[name] = value;
    }
    return env;
  }

  #report(run: RunResult, timeoutMs: number): InvokeResult {
    const { stdout, stderr, durationMs: duration_ms } = run;
    if (run.end === "exit" && run.exitCode === 0) return { ok: true, exit_code: 0, stdout, stderr, duration_ms };
    return {
      ok: false,
      reason: run.end satisfies FailureReason,
      exit_code: run.exitCode,
      message: messageOf(run, timeoutMs, this.#config),
      stdout,
      stderr,
      duration_ms,
    };
  }
}

function messageOf(run: RunResult, timeoutMs: number, config: NativeProcConfig): string {
  const name = config.executable_path;
  switch (run.end) {
    case "exit":
      return `"${name}" exited with code ${run.exitCode} after ${run.durationMs} ms`;
    case "signal":
      return `"${name}" was ended by ${run.detail} after ${run.durationMs} ms`;
    case "timeout":
      return `service invocation terminated after timeout_ms: "${name}" ran longer than ${timeoutMs} ms`;
    case "cancelled":
      return `"${name}" was ended because the service stopped`;
    case "output_limit":
      return `"${name}" was ended because it wrote more than ${config.max_output_bytes} bytes; raise runtime.max_output_bytes`;
    case "launch":
      return `Cannot start "${name}": ${run.detail}`;
  }
}

function notStarted(reason: string): InvokeResult {
  const nothing = new Uint8Array();
  return {
    ok: false,
    reason: "launch",
    exit_code: -1,
    message: reason,
    stdout: nothing,
    stderr: nothing,
    duration_ms: 0,
  };
}
