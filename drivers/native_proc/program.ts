/**
 * The program of a manifest: where it is, whether it is the one that was meant,
 * and with what it is started.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Clock } from "../process/clock.ts";
import { currentOs, type Os } from "../process/os.ts";
import { isReservedVariable } from "../process/reserved_variables.ts";
import { helperCommand, type SelfCommand } from "../process/self_command.ts";
import type { StartOptions } from "../process/spawn.ts";
import type { NativeProcConfig } from "./config.ts";

/** What the driver takes from outside. */
export interface NativeProcDeps {
  readonly clock: Clock;
  /** Folder of the node: relative paths start here. */
  readonly cwd: string;
  /** Environment of the node; the child gets only the few variables that every program needs. Read once. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @default {currentOs} */
  readonly os?: Os;
  /** How the program starts itself as a driver. @default {helperCommand("driver", args)} */
  readonly startSelf?: (args: readonly string[]) => SelfCommand;
}

/** A program that could be started now. */
export interface ReadyProgram {
  readonly start: StartOptions;
  /** Another text when the executable, or a file among the arguments, has changed. */
  readonly stamp: string;
}

/** The sentence that says why it cannot be started. */
export interface Unready {
  readonly problem: string;
}

/** The program of one manifest. It is looked for at each call, so it may be installed or replaced later. */
export class Program {
  readonly os: Os;
  readonly #config: NativeProcConfig;
  readonly #deps: NativeProcDeps;
  readonly #cwd: string;
  readonly #env: Readonly<Record<string, string>>;
  /** What was found last, unless it has to be looked up anew each time. */
  #known: ReadyProgram | undefined;
  /** The last file that was hashed, and its digest. */
  #hashed: { readonly stamp: string; readonly digest: Promise<string> } | undefined;

  constructor(config: NativeProcConfig, deps: NativeProcDeps) {
    this.os = deps.os ?? currentOs;
    this.#config = config;
    this.#deps = deps;
    this.#cwd = resolve(deps.cwd, config.cwd ?? ".");
    this.#env = this.#programEnv();
  }

  /** Finds the program and compares it with the digest that its manifest names. */
  async ready(): Promise<ReadyProgram | Unready> {
    // The times of a file also tell of its permissions, and only a bare name may be found elsewhere today.
    if (this.#known !== undefined && this.#stampOf(this.#known.start) === this.#known.stamp) return this.#known;
    const ready = await this.#look();
    this.#known = "problem" in ready || !this.#config.executable_path.includes("/") ? undefined : ready;
    return ready;
  }

  async #look(): Promise<ReadyProgram | Unready> {
    const command = this.#command();
    if ("problem" in command) return command;
    const stamp = this.#stampOf(command);
    const problem = this.#config.sha256 === undefined ? undefined : await this.#mismatch(command.file);
    if (problem !== undefined) return { problem };
    return {
      start: { ...command, cwd: this.#cwd, env: { ...this.#env, ...command.env }, os: this.os, isMarked: true },
      stamp,
    };
  }

  /** Taken before the file is read, so that what changes meanwhile is another file afterwards. */
  #stampOf({ file, args }: Pick<StartOptions, "file" | "args">): string {
    let stamp = stampOf(file);
    for (const word of args) stamp += ` ${stampOf(resolve(this.#cwd, word))}`;
    return stamp;
  }

  #command(): SelfCommand | Unready {
    const { executable_path: name, args } = this.#config;
    if (name === "zss") return this.#self(args);
    const { PATH: path = "", PATHEXT: pathExt } = this.#env;
    const found = this.os.findProgram(name, { path, pathExt, cwd: this.#cwd });
    if (found.found) return { file: found.file, args, env: {}, via: "node" };
    return { problem: `Cannot start "${name}": ${found.reason}; install it or correct runtime.executable_path` };
  }

  #self(args: readonly string[]): SelfCommand | Unready {
    if (args[0] === "driver") return (this.#deps.startSelf ?? ((args) => helperCommand("driver", args)))(args);
    return {
      problem: 'Cannot start "zss": runtime.args must begin with "driver" and the name of a driver inside zss; ' +
        "for another program of that name give its path",
    };
  }

  async #mismatch(file: string): Promise<string | undefined> {
    const { executable_path: name, sha256: wanted } = this.#config;
    const stamp = stampOf(file);
    if (this.#hashed?.stamp !== stamp) this.#hashed = { stamp, digest: digestOf(file) };
    let found: string;
    try {
      found = await this.#hashed.digest;
    } catch (error) {
      this.#hashed = undefined;
      const reason = error instanceof Error ? error.message : String(error);
      return `Cannot start "${name}": "${file}" cannot be read to compare it with runtime.sha256: ${reason}`;
    }
    if (found === wanted) return undefined;
    return `Cannot start "${name}": "${file}" is not the file that is pinned: its SHA-256 is ${found}, ` +
      `and runtime.sha256 wants ${wanted}; put the right file there, or pin this one`;
  }

  /** The clean variables of the node and those of the manifest, without what no manifest may set. */
  #programEnv(): Record<string, string> {
    const all = { ...this.os.cleanEnvironment(this.#deps.env), ...this.#declaredVariables() };
    return Object.fromEntries(Object.entries(all).filter(([name]) => !isReservedVariable(name)));
  }

  /** What the manifest asks for; a variable that the node lacks stays away. */
  #declaredVariables(): Record<string, string> {
    return Object.fromEntries(
      Object.entries(this.#config.env).flatMap(([name, value]) => {
        const text = value === true ? this.#deps.env[name] : value;
        return text === undefined ? [] : [[name, text]];
      }),
    );
  }
}

/** Tells one content of a file from another without reading it. */
function stampOf(file: string): string {
  // Most arguments are no files, and an error for each would cost ten times the question.
  if (!existsSync(file)) return "-";
  try {
    // Not the one of node:fs, which takes five times as long; every call waits for this.
    const { dev, ino, size, mtime, ctime } = Deno.statSync(file);
    return `${dev}:${ino}:${size}:${mtime?.getTime()}:${ctime?.getTime()}`;
  } catch {
    // It has gone between the two questions.
    return "-";
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest("hex");
}
