/**
 * A module that an external program runs, for example wasmtime.
 *
 * The program is started for each call: `<runner> run [--invoke <entrypoint>]
 * <module> [args...]`. What a manifest says of memory, fuel and folders is handed
 * to it in wasmtime's words, before the module.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Driver, HealthReport, Invocation, InvokeResult } from "../driver.ts";
import type { Clock } from "../process/clock.ts";
import { declaredVariables, programEnvironment } from "../process/declared_environment.ts";
import type { Os } from "../process/os.ts";
import { runProgram, type RunResult } from "../process/run.ts";
import type { WasmConfig } from "./config.ts";

/** What it takes from outside. */
export interface ExternalRunnerDeps {
  readonly clock: Clock;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly os: Os;
}

/** How many runs of one service may be under way. */
const CONCURRENCY = 4;

/** Arguments of the runner. */
export function runnerArguments(config: WasmConfig, module: string, cwd: string, env: readonly string[]): string[] {
  const { entrypoint, fuel, max_memory_bytes, preopens = {}, args } = config;
  return [
    "run",
    ...(fuel === undefined ? [] : ["-W", `fuel=${fuel}`]),
    ...(max_memory_bytes === undefined ? [] : ["-W", `max-memory-size=${max_memory_bytes}`]),
    ...Object.entries(preopens).flatMap(([name, folder]) => ["--dir", `${resolve(cwd, folder)}::${name}`]),
    ...env.flatMap((variable) => ["--env", variable]),
    ...(entrypoint === undefined ? [] : ["--invoke", entrypoint]),
    module,
    ...args,
  ];
}

/** The driver of such a module. */
export class ExternalRunner implements Driver {
  readonly runtime = "wasm";
  readonly concurrency = CONCURRENCY;
  readonly #config: WasmConfig;
  readonly #deps: ExternalRunnerDeps;
  readonly #runner: string;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  /** @param runner Path of the program, or its name on PATH. */
  constructor(config: WasmConfig, deps: ExternalRunnerDeps, runner: string) {
    this.#config = config;
    this.#deps = deps;
    this.#runner = runner;
  }

  async invoke({ payload, timeout_ms, signal }: Invocation): Promise<InvokeResult> {
    const program = this.#program();
    if ("problem" in program) return notStarted(program.problem);
    const { clock, os } = this.#deps;
    const changed = await this.#changed(program.module);
    if (changed !== undefined) return notStarted(changed);
    const run = runProgram({
      ...{ file: program.file, args: program.args, cwd: this.#cwd(), env: this.#env(), stdin: payload },
      ...{ timeoutMs: timeout_ms, maxOutputBytes: this.#config.max_output_bytes, clock, os },
      signal: AbortSignal.any([signal, this.#closing.signal]),
    });
    this.#running.add(run);
    try {
      return this.#report(await run, timeout_ms);
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

  #program():
    | { readonly file: string; readonly args: readonly string[]; readonly module: string }
    | { readonly problem: string } {
    const { module_path } = this.#config;
    const module = resolve(this.#deps.cwd, module_path);
    if (statSync(module, { throwIfNoEntry: false })?.isFile() !== true) {
      return { problem: `Cannot run module "${module_path}": "${module}" is not there; correct runtime.module_path` };
    }
    const { PATH: path = "", PATHEXT: pathExt } = this.#env();
    const found = this.#deps.os.findProgram(this.#runner, { path, pathExt, cwd: this.#deps.cwd });
    if (!found.found) {
      return { problem: `Cannot start "${this.#runner}": ${found.reason}; install it or correct runtime.runner_path` };
    }
    const variables = Object.entries(declaredVariables(this.#config.env, this.#deps.env));
    const env = variables.map(([name, value]) => `${name}=${value}`);
    return { file: found.file, args: runnerArguments(this.#config, module, this.#cwd(), env), module };
  }

  /** Why the module is not the one that the manifest pins. */
  async #changed(module: string): Promise<string | undefined> {
    const { sha256, module_path } = this.#config;
    if (sha256 === undefined) return undefined;
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(module)) hash.update(chunk);
    const found = hash.digest("hex");
    if (found === sha256) return undefined;
    return `Cannot run module "${module_path}": its SHA-256 is ${found}, and runtime.sha256 wants ${sha256}`;
  }

  #cwd(): string {
    return resolve(this.#deps.cwd, this.#config.cwd ?? ".");
  }

  #env(): Record<string, string> {
    return programEnvironment(this.#config.env, this.#deps.env, this.#deps.os);
  }

  #report(run: RunResult, timeoutMs: number): InvokeResult {
    const outputs = { stdout: run.stdout, stderr: run.stderr, duration_ms: run.durationMs };
    if (run.end === "exit" && run.exitCode === 0) return { ok: true, exit_code: 0, ...outputs };
    const message = this.#message(run, timeoutMs);
    return { ok: false, reason: run.end, exit_code: run.exitCode, message, ...outputs };
  }

  #message(run: RunResult, timeoutMs: number): string {
    const name = `${this.#runner} with "${this.#config.module_path}"`;
    switch (run.end) {
      case "exit":
        return `${name} exited with code ${run.exitCode} after ${run.durationMs} ms`;
      case "signal":
        return `${name} was ended by ${run.detail} after ${run.durationMs} ms`;
      case "timeout":
        return `${name} ran longer than its timeout_ms of ${timeoutMs}, and was ended`;
      case "cancelled":
        return `${name} was ended because the service stopped`;
      case "output_limit": {
        const { max_output_bytes } = this.#config;
        return `${name} was ended because it wrote more than ${max_output_bytes} bytes; raise runtime.max_output_bytes`;
      }
      case "launch":
        return `Cannot start ${name}: ${run.detail}; correct the runtime of its manifest`;
    }
  }
}

function notStarted(message: string): InvokeResult {
  const nothing = new Uint8Array();
  const outputs = { stdout: nothing, stderr: nothing, duration_ms: 0 };
  return { ok: false, reason: "launch", exit_code: -1, message, ...outputs };
}
