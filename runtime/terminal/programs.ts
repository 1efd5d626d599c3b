/**
 * What a terminal starts: which file, in which folder, with which variables.
 *
 * @module
 */

import { resolve } from "node:path";
import type { Clock, Os } from "../../drivers/process/mod.ts";
import { isReservedVariable } from "../../drivers/process/reserved_variables.ts";
import type { ShellWords, TerminalCommand } from "./request.ts";

/** What a terminal takes from outside. */
export interface TerminalDeps {
  readonly clock: Clock;
  /** Folder of the node: where commands run that name no other. */
  readonly cwd: string;
  /** Environment of the node; a command gets the few variables that every program needs, and who the user is. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly os: Os;
}

/** What can be started. */
export interface Program {
  readonly file: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Variables about the user, which shells and their scripts expect. */
const USER_VARIABLES = ["USER", "LOGNAME", "SHELL", "USERNAME", "XDG_RUNTIME_DIR"];

/** How the shell of a system runs a line; on POSIX as a login shell, so that the profile counts. */
export function shellOf(os: Os): ShellWords {
  return os.name === "windows" ? (line) => ["cmd", "/C", line] : (line) => ["/bin/sh", "-lc", line];
}

/** The shell that a session gets when nothing else is asked for. */
export function loginShell({ env, os }: TerminalDeps): readonly string[] {
  if (os.name === "windows") return [env["COMSPEC"] ?? "cmd"];
  const shell = env["SHELL"];
  return [shell !== undefined && shell.startsWith("/") ? shell : "/bin/sh", "-l"];
}

/** Finds what a command names. The result is a clause that says why when there is none. */
export function findProgram(
  command: TerminalCommand & { readonly argv: readonly string[] },
  deps: TerminalDeps,
): Program | { readonly problem: string } {
  const env = { ...baseVariables(deps), ...command.env };
  const cwd = resolve(deps.cwd, command.cwd ?? ".");
  const [name = ""] = command.argv;
  const found = deps.os.findProgram(name, { path: env["PATH"] ?? "", pathExt: env["PATHEXT"], cwd });
  if (!found.found) return { problem: `FileNotFound: ${found.reason}` };
  return { file: found.file, argv: command.argv, cwd, env };
}

function baseVariables({ env, os }: TerminalDeps): Record<string, string> {
  const user = USER_VARIABLES.flatMap((name) => env[name] === undefined ? [] : [[name, env[name]] as const]);
  const all = { ...os.cleanEnvironment(env), ...Object.fromEntries(user) };
  return Object.fromEntries(Object.entries(all).filter(([name]) => !isReservedVariable(name)));
}
