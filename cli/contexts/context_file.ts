/**
 * The file that keeps a user's contexts, tokens included.
 *
 * @module
 */

import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorText, ZssError } from "../../control/protocol/errors.ts";
import { platform } from "../../drivers/process/this_system.ts";
import { usageError } from "../errors.ts";
import type { CliIo } from "../io.ts";
import { configDir } from "./config_dir.ts";
import { type Contexts, formatContexts, noContexts, parseContexts } from "./contexts.ts";

/** Where the file is, there or not; undefined when the environment names no place for it. */
export function contextFile(env: CliIo["env"]): string | undefined {
  const folder = configDir(env, platform);
  return folder === undefined ? undefined : join(folder, "contexts.json");
}

/** The same for a command that cannot go on without. @throws {ZssError} `usage` */
export function requireContextFile(env: CliIo["env"]): string {
  const path = contextFile(env);
  if (path !== undefined) return path;
  const home = platform === "windows" ? "APPDATA" : "HOME";
  throw usageError(`Cannot choose a folder for the contexts: ${home} is not set`, "name one with ZSS_CONFIG_DIR");
}

/**
 * Reads the file; a missing one holds no contexts.
 *
 * @throws {ZssError} `io` when it cannot be read, or when others than its owner can; `state_damaged` when it holds
 * something else.
 */
export async function readContexts(path: string): Promise<Contexts> {
  let text: string;
  try {
    const file = await open(path, "r");
    try {
      refuseOpenFile(path, (await file.stat()).mode);
      text = await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof ZssError) throw cause;
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return noContexts;
    throw new ZssError("io", `Cannot read the contexts "${path}": ${errorText(cause)}`, {
      hint: "check its rights, or name another folder with ZSS_CONFIG_DIR",
      cause,
    });
  }
  return parseContexts(text, path);
}

/**
 * Replaces the file, for its owner only.
 *
 * A folder that is missing is made for its owner only too; one that is there
 * keeps its rights, for it may hold more than this.
 *
 * @throws {ZssError} `io`
 */
export async function writeContexts(path: string, contexts: Contexts): Promise<void> {
  const { writeAtomically } = await import("../../runtime/state/atomic_file.ts");
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeAtomically(path, formatContexts(contexts), 0o600);
  } catch (cause) {
    throw new ZssError("io", `Cannot write the contexts "${path}": ${errorText(cause)}`, {
      hint: "check the rights of its folder, or name another one with ZSS_CONFIG_DIR",
      cause,
    });
  }
}

function refuseOpenFile(path: string, mode: number): void {
  // Windows has no such bits; its profile folder is its user's alone.
  if (platform === "windows" || (mode & 0o077) === 0) return;
  const found = (mode & 0o777).toString(8);
  throw new ZssError("io", `Cannot use the contexts "${path}": they hold tokens, and its mode is ${found}, not 600`, {
    hint: `chmod 600 "${path}", and have the tokens replaced if somebody may have read them`,
  });
}
