/**
 * The driver that runs a WebAssembly module.
 *
 * The module is compiled once in a helper and run anew, with fresh memory, for
 * each call: as a program for WASI preview 1 whose standard input is the
 * payload, or through the pair of functions of docs/driver_abi.md. It sees no
 * file, variable or network that its manifest does not name. A module cannot be
 * interrupted; its helper is killed when it takes too long.
 *
 * With `runner_path` an external runner does all that, once for each call.
 *
 * Source: docs/driver_abi.md.
 *
 * @module
 */

import { resolve } from "node:path";
import type { Driver } from "../driver.ts";
import type { Clock } from "../process/clock.ts";
import { declaredVariables, programEnvironment } from "../process/declared_environment.ts";
import { currentOs, type Os } from "../process/os.ts";
import { helperCommand, type SelfCommand } from "../process/self_command.ts";
import { WarmDriver } from "../process/warm_driver.ts";
import { WarmHelpers } from "../process/warm_helpers.ts";
import { DEFAULT_MEMORY_BYTES, type WasmConfig } from "./config.ts";
import { ExternalRunner } from "./external_runner.ts";
import type { ModuleWords } from "./module_server.ts";

/** What the driver takes from outside. */
export interface WasmDeps {
  readonly clock: Clock;
  /** Folder of the node: relative paths start here. */
  readonly cwd: string;
  /** Environment of the node; a module gets nothing of it but what its manifest names. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @default {currentOs} */
  readonly os?: Os;
  /** How the program starts itself as a helper. @default {helperCommand("wasm", args)} */
  readonly startSelf?: (args: readonly string[]) => SelfCommand;
}

/** How many runs of one service may be under way, each in a helper of its own. */
const CONCURRENCY = 4;

/** What a helper may occupy beyond the memory of its module, in bytes: its code, and outputs on their way. */
const ROOM_BYTES = 268_435_456;

/** Makes the driver of one service. The module is looked for at each call, so it may be built or replaced later. */
export function createWasmDriver(config: WasmConfig, deps: WasmDeps): Driver {
  const { clock, env, os = currentOs, startSelf = (args) => helperCommand("wasm", args) } = deps;
  if (config.runner_path !== undefined) return new ExternalRunner(config, { ...deps, os }, config.runner_path);
  const cwd = resolve(deps.cwd, config.cwd ?? ".");
  const file = resolve(deps.cwd, config.module_path);
  const { max_memory_bytes: maxMemoryBytes = DEFAULT_MEMORY_BYTES } = config;
  const words: ModuleWords = {
    file,
    entrypoint: config.entrypoint,
    sha256: config.sha256,
    args: config.args,
    env: Object.entries(declaredVariables(config.env, env)).map(([name, value]) => `${name}=${value}`),
    preopens: Object.entries(config.preopens ?? {}).map(([name, folder]) => [name, resolve(cwd, folder)]),
    maxMemoryBytes,
    limit: config.max_output_bytes,
  };
  return new WarmDriver(
    "wasm",
    CONCURRENCY,
    new WarmHelpers({
      noun: "module",
      name: config.module_path,
      member: "module_path",
      file,
      refusal: config.fuel === undefined ? undefined : withoutFuel(config.module_path),
      // The path is for whoever looks at a list of processes.
      command: () => startSelf(["serve", file]),
      cwd,
      env: programEnvironment({}, env, os),
      words: () => words,
      wantsFolder: false,
      maxOutputBytes: config.max_output_bytes,
      maxMemoryBytes: maxMemoryBytes + ROOM_BYTES,
      clock,
      os,
    }),
  );
}

/** A limit that was asked for and is not kept would be worse than none. */
function withoutFuel(module: string): string {
  return `Cannot run module "${module}": zss counts no instructions, so it cannot keep runtime.fuel; leave it out, since ` +
    "runtime.timeout_ms ends a run, or name a runner that counts in runtime.runner_path, for example wasmtime";
}
