/**
 * How the program starts itself.
 *
 * A helper is a leaf: it does one job for its parent and never starts the
 * program again. Its role travels in an environment variable, because the
 * arguments of a self-spawn can be rewritten on the way in a compiled binary; a
 * program that then takes its normal course would start helpers without end.
 * Both functions refuse to work inside a helper for the same reason, so a helper
 * keeps the variable for as long as it lives. It reaches nobody else: programs
 * get a clean environment, and no manifest may set it.
 *
 * A command from here is started with `startProgram` or `runProgram`, which know
 * what `via` means.
 *
 * Source: docs/architecture.md, decision 9.
 *
 * @module
 */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { HELPER_VARIABLE, type HelperRole } from "./helper_role.ts";

/** A command that starts this program. */
export interface SelfCommand {
  readonly file: string;
  readonly args: readonly string[];
  /**
   * Variables to set in addition to those that the child gets anyway, which are
   * the clean ones for a helper; they win over any others of the same name.
   */
  readonly env: Readonly<Record<string, string>>;
  /**
   * Which call starts it. `deno`: node's spawn would take the path for that of
   * the `deno` tool and rewrite the arguments.
   */
  readonly via: "node" | "deno";
}

/** What is known of the running program. */
export interface SelfFacts {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether it is a compiled binary. */
  readonly standalone: boolean;
  readonly os: string;
  /** The compiled binary, or the `deno` that runs the source. */
  readonly execPath: string;
  /** The file to run; used from source only. */
  readonly entry: string;
  /** The deno.json that belongs to `entry`; undefined when there is none on disk. */
  readonly config?: string | undefined;
}

/** Variables with which a run from source finds the cache of its runtime in a clean environment. */
const sourceVariables = [
  "HOME",
  "XDG_CACHE_HOME",
  "LOCALAPPDATA",
  "USERPROFILE",
  "DENO_DIR",
  "DENO_TLS_CA_STORE",
  "DENO_CERT",
  "NPM_CONFIG_REGISTRY",
];

/**
 * The command of a helper.
 *
 * @param args What the helper's role takes, for example `["driver", "echo"]` for `driver`.
 * @throws {TypeError} In a helper.
 */
export function helperCommand(role: HelperRole, args: readonly string[], facts: SelfFacts = selfFacts()): SelfCommand {
  const self = programCommand(args, facts);
  return { ...self, env: { ...self.env, [HELPER_VARIABLE]: role } };
}

/**
 * The command of an ordinary subcommand, for example `["server", "--port", "0"]`.
 *
 * @throws {TypeError} In a helper.
 */
export function programCommand(args: readonly string[], facts: SelfFacts = selfFacts()): SelfCommand {
  if (facts.env[HELPER_VARIABLE] !== undefined) {
    throw new TypeError(`Cannot start zss from a helper of zss: ${HELPER_VARIABLE} is set`);
  }
  const env = pickSet(facts.env, ["NO_COLOR"]);
  if (facts.standalone) {
    // Through /proc the running image is meant, even when its file is replaced meanwhile; and the name is not rewritten.
    if (facts.os === "linux") return { file: "/proc/self/exe", args, env, via: "node" };
    return { file: facts.execPath, args, env, via: "deno" };
  }
  const config = facts.config === undefined ? [] : ["--config", facts.config];
  return {
    file: facts.execPath,
    args: ["run", "-A", "--no-check", "--quiet", ...config, facts.entry, ...args],
    env: { ...env, ...pickSet(facts.env, sourceVariables), DENO_NO_UPDATE_CHECK: "1" },
    via: "node",
  };
}

function pickSet(env: SelfFacts["env"], names: readonly string[]): Record<string, string> {
  const set: Record<string, string> = {};
  for (const name of names) {
    const value = env[name];
    if (value !== undefined) set[name] = value;
  }
  return set;
}

/** What is true of this process. */
function selfFacts(): SelfFacts {
  const entry = new URL("../../cli/main.ts", import.meta.url);
  const common = { env: process.env, standalone: Deno.build.standalone, os: Deno.build.os, execPath: Deno.execPath() };
  // Run from the web, the address itself is what deno takes.
  if (entry.protocol !== "file:") return { ...common, entry: entry.href };
  return { ...common, entry: fileURLToPath(entry), config: fileURLToPath(new URL("../../deno.json", import.meta.url)) };
}
