/**
 * The folder of a server's state, for commands that look after it.
 *
 * @module
 */

import { usageError } from "./errors.ts";
import { nonEmpty } from "./flags.ts";
import type { CliIo } from "./io.ts";

/** `--data-dir` of such a command. */
export const dataDirFlag = {
  kind: "parsed",
  parse: nonEmpty,
  brief: "folder of the state; default ZSS_DATA_DIR, else the platform's state folder",
  optional: true,
  placeholder: "folder",
} as const;

/** The data folder of a server that is not told of another one. @throws {ZssError} `usage` when none can be chosen. */
export function defaultDataDir(env: CliIo["env"]): string {
  const named = env["ZSS_DATA_DIR"];
  if (named) return named;
  const home = env["HOME"] ?? env["USERPROFILE"];
  const base = env["XDG_STATE_HOME"] ?? env["LOCALAPPDATA"] ??
    (home === undefined ? undefined : `${home}/.local/state`);
  if (base === undefined) throw usageError("Cannot choose a data folder: HOME is not set", "name one with --data-dir");
  return `${base}/zss`;
}
