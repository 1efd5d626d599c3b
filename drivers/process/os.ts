/**
 * Every difference between operating systems that zss has to know.
 *
 * @module
 */

import { accessSync, constants, statSync } from "node:fs";
import { delimiter, extname, isAbsolute, join, resolve } from "node:path";
import { spawnSync } from "node:child_process";
import process from "node:process";

/** Names of the systems that zss runs on. */
export type OsName = "linux" | "darwin" | "windows";

/** Where a program is looked for. */
export interface SearchPlaces {
  /** Value of PATH. */
  readonly path: string;
  /** Folder that relative names start from. */
  readonly cwd: string;
}

/** What was found of a program. */
export type FoundProgram =
  | { readonly found: true; readonly file: string }
  | { readonly found: false; readonly reason: string };

/** One operating system. */
export interface Os {
  readonly name: OsName;
  /** Name of the system on the wire, as the reference writes it. */
  readonly platform: "linux" | "macos" | "windows";
  /** What kind of file system an exported folder is on, for the export list. */
  readonly folderKind: "linux" | "posix" | "windows";
  /** Whether a child can be the leader of a process group of its own. */
  readonly hasGroups: boolean;
  /** Signals by which a user or the system asks a program to end. */
  readonly stopSignals: readonly ("SIGINT" | "SIGTERM")[];
  /** Ends a process and everything it started; harmless when they are gone. */
  killTree(pid: number): void;
  /** Finds a program: a bare name on PATH, anything with a separator from `cwd`. */
  findProgram(name: string, places: SearchPlaces): FoundProgram;
  /** Names of the environment variables that every child needs here. */
  readonly childVariables: readonly string[];
}

/** The description of a system. */
export function osNamed(name: OsName): Os {
  if (name === "windows") return windows;
  return name === "darwin"
    ? { ...posix, name, platform: "macos", folderKind: "posix" }
    : { ...posix, name, platform: "linux", folderKind: "linux" };
}

const everywhere = ["PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ"];

const posix: Omit<Os, "name" | "platform" | "folderKind"> = {
  hasGroups: true,
  stopSignals: ["SIGINT", "SIGTERM"],
  childVariables: everywhere,
  killTree(pid) {
    try {
      // Children are started as leaders of a group of their own, so this reaches all they started.
      process.kill(-pid, "SIGKILL");
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  },
  findProgram(name, places) {
    if (name.includes("/")) return usable(resolve(places.cwd, name));
    return onPath(name, places, [""]);
  },
};

const windows: Os = {
  name: "windows",
  platform: "windows",
  folderKind: "windows",
  hasGroups: false,
  stopSignals: ["SIGINT"],
  childVariables: [
    ...everywhere,
    "SystemRoot",
    "USERPROFILE",
    "TEMP",
    "TMP",
    "PATHEXT",
    "COMSPEC",
    "APPDATA",
    "LOCALAPPDATA",
  ],
  killTree(pid) {
    spawnSync("taskkill", ["/T", "/F", "/PID", String(pid)], { stdio: "ignore" });
  },
  findProgram(name, places) {
    const endings = extname(name) === "" ? [".exe", ".cmd", ".bat", ".com"] : [""];
    if (/[\\/]/.test(name) || isAbsolute(name)) {
      const tried = endings.map((ending) => usable(resolve(places.cwd, name + ending)));
      return tried.find((result) => result.found) ?? tried[0] ?? { found: false, reason: "not found" };
    }
    return onPath(name, places, endings);
  },
};

function onPath(name: string, places: SearchPlaces, endings: readonly string[]): FoundProgram {
  let refused: FoundProgram | undefined;
  for (const folder of places.path.split(delimiter)) {
    if (folder === "") continue;
    for (const ending of endings) {
      const result = usable(join(folder, name + ending));
      if (result.found) return result;
      if (!result.reason.endsWith("does not exist")) refused ??= result;
    }
  }
  return refused ?? { found: false, reason: `"${name}" is in no folder of PATH` };
}

function usable(file: string): FoundProgram {
  try {
    if (statSync(file).isDirectory()) return { found: false, reason: `"${file}" is a folder` };
  } catch {
    return { found: false, reason: `"${file}" does not exist` };
  }
  try {
    accessSync(file, constants.X_OK);
    return { found: true, file };
  } catch {
    return { found: false, reason: `"${file}" is not executable` };
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ESRCH" || error.code === "EPERM");
}

/** The system that this process runs on. */
export const currentOs: Os = osNamed(
  Deno.build.os === "windows" ? "windows" : Deno.build.os === "darwin" ? "darwin" : "linux",
);
