/**
 * Every difference between operating systems that zss has to know.
 *
 * An {@linkcode Os} is chosen by a name that is handed in, so each of the three
 * can be asked from any of them; only {@linkcode currentOs} looks at the
 * machine. Its few effects go through {@linkcode Machine}, which a test replaces.
 *
 * Linux is measured. What stands here for macOS and Windows follows their
 * documents and has not run there: docs/architecture.md, decision 9.
 *
 * ```ts
 * import { currentOs } from "./os.ts";
 *
 * const found = currentOs.findProgram("sh", { path: "/usr/bin:/bin", cwd: "/" });
 * if (!found.found) throw new Error(`Cannot start a shell: ${found.reason}`);
 * ```
 *
 * @module
 */

import { execFile } from "node:child_process";
import { accessSync, constants as access, existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { constants } from "node:os";
import { posix as posixPath, win32 as windowsPath } from "node:path";
import process from "node:process";

/** Names of the systems that zss runs on. */
export type OsName = "linux" | "darwin" | "windows";

/** Where a program is looked for. */
export interface SearchPlaces {
  /** Value of PATH; an empty entry in it is skipped and does not stand for the working folder. */
  readonly path: string;
  /** Folder that relative names, and relative entries of `path`, start from. */
  readonly cwd: string;
  /** Value of PATHEXT; read on Windows only. */
  readonly pathExt?: string | undefined;
}

/** What was found of a program. */
export type FoundProgram =
  | { readonly found: true; readonly file: string }
  /** `reason` is a clause that names the file or the folders that were searched. */
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
  /** Name of the C library for the dynamic loader; undefined where descriptors are not those of Unix. */
  readonly libc: string | undefined;

  /**
   * Ends a program that still runs, and everything it started.
   *
   * Returns before they are gone; harmless when they are gone already. The
   * program must have been started as the leader of a group of its own. What
   * has left the group on purpose (`setsid`) is not reached.
   */
  killTree(pid: number): void;

  /**
   * Ends what a program has left behind. To be called at once when it exits,
   * and not later: its pid may soon be somebody else's. Does nothing on
   * Windows, where a tree cannot be found any more once its root is gone.
   */
  killLeftovers(pid: number): void;

  /**
   * What a program that still runs has started and what has left its group
   * since, so that `killTree` does not reach it. Empty where the system does
   * not tell: what was started by a process that has ended is not found.
   */
  straysOf(pid: number): readonly Stray[];

  /**
   * What holds a pipe open, this process apart; `pipe` as `pipesOf` says. Looks
   * at every process: for the rare run whose pipes stay open after its end.
   */
  holdersOf(pipes: readonly string[]): readonly Stray[];

  /**
   * What has a variable in its environment, by the value of it. What has changed
   * its user or cleared its environment is not found.
   *
   * @param known Processes that were looked at before and do not have it: they are not looked at again, and those
   * that are found not to have it now are added.
   */
  carriersOf(variable: string, known: Set<number>): ReadonlyMap<string, readonly Stray[]>;

  /** Names of the outputs of a program; empty where there are none. */
  pipesOf(pid: number): readonly string[];

  /** The same for descriptors of this process. */
  pipesAt(fds: readonly number[]): readonly string[];

  /** Name of a signal, for example `SIGKILL` for 9. */
  signalName(signal: number): string;

  /** Memory that a process occupies, in bytes; undefined when there is no such process. */
  rssOf(pid: number): Promise<number | undefined>;

  /** Finds a program: a bare name on PATH, anything with a separator from `cwd`. It must be a file and executable. */
  findProgram(name: string, places: SearchPlaces): FoundProgram;

  /** Those variables of `env` that every program needs (PATH, HOME, locale, ...), and no others. */
  cleanEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string>;
}

/** A process that has left the group of the program that started it. */
export interface Stray {
  readonly pid: number;
  /** Name of its program, shortened by the system. */
  readonly name: string;
}

/** What the descriptions need of the machine. */
export interface Machine {
  /** Sends SIGKILL; a negative pid means a group. Throws as `process.kill` does. */
  kill(pid: number): void;
  /** What stands at an absolute path. */
  look(file: string): "executable" | "not executable" | "folder" | "missing";
  /** Reads a text file; throws when it cannot. */
  readText(file: string): string;
  /** Names of what is in a folder; throws when it cannot. */
  list(folder: string): readonly string[];
  /** What a symbolic link points to; throws when it cannot. */
  readLink(file: string): string;
  /** Runs a tool of the system and returns what it printed; rejects when it fails. */
  run(file: string, args: readonly string[]): Promise<string>;
}

/** The machine itself. */
const realMachine: Machine = {
  kill: (pid) => void process.kill(pid, "SIGKILL"),
  look(file) {
    // Most places of a search hold nothing, and an error for each would cost a hundred times the question.
    if (!existsSync(file)) return "missing";
    try {
      if (!Deno.statSync(file).isFile) return "folder";
    } catch {
      return "missing";
    }
    try {
      accessSync(file, access.X_OK);
      return "executable";
    } catch {
      return "not executable";
    }
  },
  readText: (file) => readFileSync(file, "utf8"),
  list: (folder) => readdirSync(folder),
  readLink: (file) => readlinkSync(file),
  run: (file, args) =>
    new Promise((resolve, reject) => {
      execFile(file, [...args], { windowsHide: true }, (error, stdout) => error ? reject(error) : resolve(stdout));
    }),
};

/** The description of a system. */
export function osNamed(name: OsName, machine: Machine = realMachine): Os {
  switch (name) {
    case "linux":
      return {
        ...posix(machine),
        name,
        platform: "linux",
        libc: "libc.so.6",
        folderKind: "linux",
        straysOf: (pid) => straysFromProc(pid, machine),
        holdersOf: (pipes) => holdersFromProc(pipes, machine),
        carriersOf: (variable, known) => carriersFromProc(variable, known, machine),
        pipesOf: (pid) => pipesFromProc(pid, [1, 2], machine),
        pipesAt: (fds) => pipesFromProc("self", fds, machine),
        rssOf: (pid) => Promise.resolve(rssFromProc(pid, machine)),
      };
    case "darwin":
      return {
        ...posix(machine),
        name,
        platform: "macos",
        libc: "libSystem.B.dylib",
        folderKind: "posix",
        ...blind,
        rssOf: (pid) => rssFromTool(machine, "ps", ["-o", "rss=", "-p", `${pid}`], 1024),
      };
    case "windows":
      return windows(machine);
  }
}

const everywhere = ["PATH", "HOME", "LANG", "LANGUAGE", "TMPDIR", "TZ"];

const windowsVariables = [
  ...everywhere,
  ..."SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT TEMP TMP USERPROFILE APPDATA LOCALAPPDATA PROGRAMDATA".split(" "),
  ..."PROGRAMFILES PROGRAMFILES(X86) NUMBER_OF_PROCESSORS PROCESSOR_ARCHITECTURE".split(" "),
];

/** Where processes do not show what they have started and what they hold open. */
const blind: Pick<Os, "carriersOf" | "straysOf" | "holdersOf" | "pipesOf" | "pipesAt"> = {
  carriersOf: () => new Map(),
  pipesAt: () => [],
  straysOf: () => [],
  holdersOf: () => [],
  pipesOf: () => [],
};

function posix(machine: Machine): Omit<Os, "name" | "platform" | "folderKind" | "libc" | "rssOf" | keyof typeof blind> {
  const killTree = (pid: number) => {
    try {
      machine.kill(-pid);
    } catch (error) {
      // ESRCH: all are gone. EPERM: macOS says so of a group that holds nothing but zombies.
      if (!hasCode(error, "ESRCH", "EPERM")) throw error;
    }
  };
  return {
    hasGroups: true,
    killTree,
    // The number of a group is not given away while one of its members lives.
    killLeftovers: killTree,
    signalName,
    findProgram(name, places) {
      if (name.includes("/")) return firstUsable([posixPath.resolve(places.cwd, name)], machine);
      return onPath(name, places.path.split(":"), (folder) => [posixPath.resolve(places.cwd, folder, name)], machine);
    },
    cleanEnvironment: (env) => pick(env, (name) => everywhere.includes(name) || name.startsWith("LC_")),
  };
}

function windows(machine: Machine): Os {
  return {
    name: "windows",
    platform: "windows",
    folderKind: "windows",
    hasGroups: false,
    libc: undefined,
    killTree(pid) {
      machine.run("taskkill", ["/T", "/F", "/PID", String(pid)]).catch(() => {
        try {
          machine.kill(pid);
        } catch {
          // It has ended by itself, which is why neither found it.
        }
      });
    },
    killLeftovers() {},
    signalName,
    ...blind,
    rssOf: (pid) =>
      rssFromTool(machine, "powershell", ["-NoProfile", "-Command", `(Get-Process -Id ${pid}).WorkingSet64`], 1),
    findProgram(name, places) {
      const known = (places.pathExt ?? ".COM;.EXE;.BAT;.CMD").split(";").filter((ending) => ending !== "");
      const isWhole = known.some((ending) => name.toUpperCase().endsWith(ending.toUpperCase()));
      const endings = isWhole ? [""] : known;
      const candidates = (folder: string) =>
        endings.map((ending) => windowsPath.resolve(places.cwd, folder, name + ending));
      if (/[\\/:]/.test(name)) return firstUsable(candidates("."), machine);
      return onPath(name, places.path.split(";"), candidates, machine);
    },
    // Names of variables have no case there: PATH is often "Path".
    cleanEnvironment: (env) => pick(env, (name) => windowsVariables.includes(name.toUpperCase())),
  };
}

function firstUsable(files: readonly string[], machine: Machine): FoundProgram {
  const seen = files.map((file) => ({ file, state: machine.look(file) }));
  const usable = seen.find(({ state }) => state === "executable");
  if (usable !== undefined) return { found: true, file: usable.file };
  const worth = seen.find(({ state }) => state !== "missing");
  if (worth === undefined) return { found: false, reason: `"${files[0] ?? ""}" does not exist` };
  const state = worth.state === "folder" ? "is not a file" : "is not executable";
  return { found: false, reason: `"${worth.file}" ${state}` };
}

function onPath(
  name: string,
  entries: readonly string[],
  candidates: (folder: string) => readonly string[],
  machine: Machine,
): FoundProgram {
  const folders = entries.filter((folder) => folder !== "");
  if (folders.length === 0) return { found: false, reason: `"${name}" cannot be looked up, because PATH is empty` };
  let refused: FoundProgram | undefined;
  for (const folder of folders) {
    const result = firstUsable(candidates(folder), machine);
    if (result.found) return result;
    // As a shell does: a later folder may hold it, and if none does, this is the reason worth telling.
    if (!result.reason.endsWith("does not exist")) refused ??= result;
  }
  return refused ?? { found: false, reason: `"${name}" is in no folder of PATH (${folders.join(", ")})` };
}

function signalName(signal: number): string {
  return Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? `signal ${signal}`;
}

function pipesFromProc(pid: number | "self", fds: readonly number[], machine: Machine): string[] {
  return fds.map((fd) => attempt(() => machine.readLink(`/proc/${pid}/fd/${fd}`), ""))
    .filter((pipe) => pipe.startsWith("pipe:"));
}

function straysFromProc(leader: number, machine: Machine): Stray[] {
  const strays: Stray[] = [];
  const seen = new Set<number>();
  const visit = (pid: number) => {
    for (const task of attempt(() => machine.list(`/proc/${pid}/task`), [])) {
      const children = attempt(() => machine.readText(`/proc/${pid}/task/${task}/children`), "");
      for (const child of children.split(" ").filter((word) => word !== "").map(Number)) {
        if (seen.has(child)) continue;
        seen.add(child);
        const { name, group } = statFromProc(child, machine) ?? {};
        if (name !== undefined && group !== leader) strays.push({ pid: child, name });
        visit(child);
      }
    }
  };
  visit(leader);
  return strays;
}

function carriersFromProc(variable: string, known: Set<number>, machine: Machine): Map<string, Stray[]> {
  const found = new Map<string, Stray[]>();
  const pids = new Set(attempt(() => machine.list("/proc"), []).filter((name) => /^\d+$/.test(name)).map(Number));
  for (const pid of known) if (!pids.has(pid)) known.delete(pid);
  for (const pid of pids) {
    if (known.has(pid)) continue;
    const words = attempt(() => machine.readText(`/proc/${pid}/environ`), "").split("\0");
    const value = words.find((word) => word.startsWith(`${variable}=`))?.slice(variable.length + 1);
    const name = value === undefined ? undefined : statFromProc(pid, machine)?.name;
    if (value === undefined) known.add(pid);
    else if (name !== undefined) found.set(value, [...found.get(value) ?? [], { pid, name }]);
  }
  return found;
}

function holdersFromProc(pipes: readonly string[], machine: Machine): Stray[] {
  if (pipes.length === 0) return [];
  const pids = attempt(() => machine.list("/proc"), []).filter((name) => /^\d+$/.test(name)).map(Number);
  return pids.filter((pid) => pid !== process.pid).flatMap((pid) => {
    const holds = attempt(() => machine.list(`/proc/${pid}/fd`), [])
      .some((fd) => pipes.includes(attempt(() => machine.readLink(`/proc/${pid}/fd/${fd}`), "")));
    const name = holds ? statFromProc(pid, machine)?.name : undefined;
    return name === undefined ? [] : [{ pid, name }];
  });
}

/** Name and group of a process that lives. */
function statFromProc(pid: number, machine: Machine): { readonly name: string; readonly group: number } | undefined {
  const stat = attempt(() => machine.readText(`/proc/${pid}/stat`), "");
  // The name may hold anything, parentheses too.
  const [, name, state, group] = /^\d+ \((.*)\) (\S) \d+ (\d+) /s.exec(stat) ?? [];
  return name === undefined || state === "Z" || state === "X" ? undefined : { name, group: Number(group) };
}

/** What `look` returns, or `otherwise` when what it looks at has gone or is not ours to see. */
function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}

function rssFromProc(pid: number, machine: Machine): number | undefined {
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(machine.readText(`/proc/${pid}/status`))?.[1];
    // A process that has ended and waits for its parent has no such line.
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}

async function rssFromTool(
  machine: Machine,
  file: string,
  args: readonly string[],
  unit: number,
): Promise<number | undefined> {
  try {
    const printed = (await machine.run(file, args)).trim();
    return /^\d+$/.test(printed) ? Number(printed) * unit : undefined;
  } catch {
    return undefined;
  }
}

function pick(
  env: Readonly<Record<string, string | undefined>>,
  wanted: (name: string) => boolean,
): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && wanted(name)) picked[name] = value;
  }
  return picked;
}

/** Whether something thrown carries one of these system codes, for example `ENOENT`. */
export function hasCode(thrown: unknown, ...codes: readonly string[]): boolean {
  return thrown instanceof Error && "code" in thrown && codes.some((code) => code === thrown.code);
}

/** The system that this process runs on; any Unix but macOS counts as Linux. */
export const currentOs: Os = osNamed(
  Deno.build.os === "windows" ? "windows" : Deno.build.os === "darwin" ? "darwin" : "linux",
);
