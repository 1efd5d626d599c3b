/**
 * The driver that calls a C function of a shared library.
 *
 * A library can do to its process whatever it likes, so it never comes into that
 * of the node: it is loaded, and called, in a helper that may crash. The helper
 * is kept warm; a call costs a message to it and back. The library is loaded
 * from a private copy, so its file may be replaced at any time: the next call
 * is one of the new file.
 *
 * Source: docs/driver_abi.md.
 *
 * @module
 */

import { resolve } from "node:path";
import type { Driver } from "../driver.ts";
import type { Clock } from "../process/clock.ts";
import { programEnvironment } from "../process/declared_environment.ts";
import { currentOs, type Os } from "../process/os.ts";
import { helperCommand, type SelfCommand } from "../process/self_command.ts";
import { WarmDriver } from "../process/warm_driver.ts";
import { WarmHelpers } from "../process/warm_helpers.ts";
import type { NativeInprocConfig } from "./config.ts";
import type { LibraryWords } from "./library_server.ts";

/** What the driver takes from outside. */
export interface NativeInprocDeps {
  readonly clock: Clock;
  /** Folder of the node: relative paths start here. */
  readonly cwd: string;
  /** Environment of the node; a helper gets only the few variables that every program needs. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether whoever runs the node has agreed to load libraries. @default {false} */
  readonly allowInproc?: boolean;
  /** @default {currentOs} */
  readonly os?: Os;
  /** How the program starts itself as a helper. @default {helperCommand("inproc", args)} */
  readonly startSelf?: (args: readonly string[]) => SelfCommand;
}

/** How many runs of one service may be under way, each in a helper of its own. */
const CONCURRENCY = 4;

/** Makes the driver of one service. The library is looked for at each call, so it may be built or replaced later. */
export function createNativeInprocDriver(config: NativeInprocConfig, deps: NativeInprocDeps): Driver {
  const { clock, env, os = currentOs, startSelf = (args) => helperCommand("inproc", args) } = deps;
  const cwd = resolve(deps.cwd, config.cwd ?? ".");
  const file = resolve(deps.cwd, config.library_path);
  const refusal =
    `Cannot load library "${config.library_path}": this node loads no libraries; start it with --allow-inproc`;
  const { invoke_symbol: symbol, sha256, max_output_bytes: limit } = config;
  return new WarmDriver(
    "native_inproc",
    CONCURRENCY,
    new WarmHelpers({
      noun: "library",
      name: config.library_path,
      member: "library_path",
      file,
      refusal: deps.allowInproc === true ? undefined : refusal,
      // The path is for whoever looks at a list of processes.
      command: () => startSelf(["serve", file]),
      cwd,
      env: programEnvironment(config.env, env, os),
      words: (folder, mark): LibraryWords => ({ file, folder, symbol, sha256, limit, mark }),
      wantsFolder: true,
      maxOutputBytes: limit,
      maxMemoryBytes: config.max_memory_bytes,
      clock,
      os,
    }),
  );
}
