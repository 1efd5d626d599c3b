/**
 * The driver that starts a program for each invocation.
 *
 * The payload is the program's standard input; what it writes to standard
 * output is the result, to standard error the reason when it fails. It gets a
 * clean environment: never a token of the node. There is no shell between.
 *
 * The bare name `zss` means the running program, so the reference drivers work
 * wherever it is installed. It starts as a helper, which can be nothing but
 * `zss driver <name>`; `args` therefore begin with `driver`, as typed in a shell.
 *
 * ```ts
 * import process from "node:process";
 * import { systemClock } from "../process/clock.ts";
 * import { nativeProcConfig } from "./config.ts";
 * import { createNativeProcDriver } from "./native_proc.ts";
 *
 * const config = nativeProcConfig.parse({ type: "native_proc", executable_path: "cat" });
 * const driver = createNativeProcDriver(config, { clock: systemClock, cwd: process.cwd(), env: process.env });
 * ```
 *
 * Source: docs/driver_abi.md.
 *
 * @module
 */

import { resolve } from "node:path";
import type { Driver, FailureReason, HealthReport, Invocation, InvokeResult } from "../driver.ts";
import type { Clock } from "../process/clock.ts";
import { currentOs, type Os } from "../process/os.ts";
import { runProgram, type RunResult } from "../process/run.ts";
import { helperCommand, type SelfCommand } from "../process/self_command.ts";
import { isReservedVariable } from "../process/reserved_variables.ts";
import type { NativeProcConfig } from "./config.ts";

/** What the driver takes from outside. */
export interface NativeProcDeps {
  readonly clock: Clock;
  /** Folder of the node: relative paths start here. */
  readonly cwd: string;
  /** Environment of the node; the child gets only the few variables that every program needs. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @default {currentOs} */
  readonly os?: Os;
  /** How the program starts itself as a driver. @default {helperCommand("driver", args)} */
  readonly startSelf?: (args: readonly string[]) => SelfCommand;
}

/** How many runs of one service may be under way. */
const CONCURRENCY = 4;

/** A command, or the sentence that says why there is none. */
type Resolved = SelfCommand | { readonly problem: string };

/** Makes the driver of one service. The program is looked for at each run, so it may be installed or replaced later. */
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
    if ("problem" in program) return notStarted(program.problem);
    const run = runProgram({
      ...program,
      cwd: this.#cwd(),
      env: { ...this.#programEnv(), ...program.env },
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
      "problem" in program ? { state: "offline", detail: program.problem } : { state: "online", detail: null },
    );
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#running);
  }

  #program(): Resolved {
    const { executable_path: name, args } = this.#config;
    if (name === "zss") return this.#self(args);
    const { PATH: path = "", PATHEXT: pathExt } = this.#programEnv();
    const found = this.#os.findProgram(name, { path, pathExt, cwd: this.#cwd() });
    if (found.found) return { file: found.file, args, env: {}, via: "node" };
    return { problem: `Cannot start "${name}": ${found.reason}; install it or correct runtime.executable_path` };
  }

  #self(args: readonly string[]): Resolved {
    if (args[0] === "driver") return (this.#deps.startSelf ?? ((args) => helperCommand("driver", args)))(args);
    return {
      problem: 'Cannot start "zss": runtime.args must begin with "driver" and the name of a driver inside zss; ' +
        "for another program of that name give its path",
    };
  }

  #cwd(): string {
    return resolve(this.#deps.cwd, this.#config.cwd ?? ".");
  }

  /** The clean variables of the node and those of the manifest, without what no manifest may set. */
  #programEnv(): Record<string, string> {
    const all = { ...this.#os.cleanEnvironment(this.#deps.env), ...this.#declaredVariables() };
    return Object.fromEntries(Object.entries(all).filter(([name]) => !isReservedVariable(name)));
  }

  /** What the manifest asks for; a variable that the node lacks stays away. */
  #declaredVariables(): Record<string, string> {
    return Object.fromEntries(
      Object.entries(this.#config.env).flatMap(([name, value]) => {
        const text = value === true ? this.#deps.env[name] : value;
        return text === undefined ? [] : [[name, text]];
      }),
    );
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
      return `Cannot start "${name}": ${run.detail}; correct the runtime of its manifest`;
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
