/**
 * How the program starts itself.
 *
 * A helper is a leaf: it does one job for its parent and never starts the
 * program again. Its role travels in an environment variable, because the
 * arguments of a self-spawn can be rewritten on the way in a compiled binary; a
 * program that then takes its normal course would start helpers without end.
 * Both functions refuse to work inside a helper for the same reason.
 *
 * @module
 */

import process from "node:process";
import { fileURLToPath } from "node:url";

/** The variable that makes a process a helper. */
export const HELPER_VARIABLE = "ZSS_HELPER";

/** What a helper is for. */
export type HelperRole = "driver" | "inproc" | "wasm" | "plugin" | "terminal";

/** A command that starts this program. */
export interface SelfCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** Variables that have to be set in addition to those of any child. */
  readonly env: Readonly<Record<string, string>>;
}

/** Variables that a run from source needs to find its runtime's cache in a clean environment. */
const sourceVariables = [
  "DENO_DIR",
  "XDG_CACHE_HOME",
  "DENO_TLS_CA_STORE",
  "DENO_CERT",
  "NPM_CONFIG_REGISTRY",
  "NO_COLOR",
];

/**
 * The command of a helper.
 *
 * @param args What the helper's role takes, for example `["driver", "echo"]`.
 * @throws {TypeError} In a helper.
 */
export function helperCommand(role: HelperRole, args: readonly string[]): SelfCommand {
  const self = programCommand(args);
  return { ...self, env: { ...self.env, [HELPER_VARIABLE]: role } };
}

/**
 * The command of an ordinary subcommand, for example `["server", "--port", "0"]`.
 *
 * @throws {TypeError} In a helper.
 */
export function programCommand(args: readonly string[]): SelfCommand {
  if (process.env[HELPER_VARIABLE] !== undefined) {
    throw new TypeError("Cannot start zss from a helper of zss");
  }
  if (Deno.build.standalone) {
    // Through /proc the running image is meant, even when its file is replaced meanwhile; and the name is not rewritten.
    return { file: Deno.build.os === "linux" ? "/proc/self/exe" : Deno.execPath(), args, env: {} };
  }
  const env: Record<string, string> = { DENO_NO_UPDATE_CHECK: "1" };
  for (const name of sourceVariables) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  const entry = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
  return { file: Deno.execPath(), args: ["run", "-A", "--no-check", "--quiet", entry, ...args], env };
}
