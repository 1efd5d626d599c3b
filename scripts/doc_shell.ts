/**
 * Runs the commands of a document in one shell and compares what they print.
 *
 * The shell works in an empty temporary folder that is also its HOME, with a
 * `zss` on its PATH: the program from source, or the executable that the
 * environment variable ZSS_BIN names. It leads a process group of its own;
 * whatever the document leaves running ends with that group, by its id.
 * The conventions are those of `doc_blocks.ts`. Needs bash.
 *
 * @module
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { outputFits, readSteps, type Step } from "./doc_blocks.ts";

/** How long a command may take. */
export interface DocLimits {
  /** For a command to end, in milliseconds. @default {60000} */
  readonly commandMs?: number;
  /** For a running or looking command to show its lines, in milliseconds. @default {20000} */
  readonly awaitMs?: number;
  /** For what still runs at the end to obey SIGTERM, in milliseconds. @default {5000} */
  readonly endMs?: number;
}

/**
 * Runs a document.
 *
 * Stops at the first command that fails or prints something else.
 *
 * @param markdown The text of the document.
 * @returns What went wrong, ready to print; undefined when everything is as shown.
 */
export async function runDocument(markdown: string, limits: DocLimits = {}): Promise<string | undefined> {
  const steps = readSteps(markdown);
  if (steps.length === 0) return undefined;
  await using shell = new DocShell(limits);
  for (const step of steps) {
    const fault = await shell.run(step);
    if (fault !== undefined) return `line ${step.line}: $ ${step.command}\n${fault}`;
  }
  return undefined;
}

class DocShell {
  readonly #folder = mkdtempSync(join(tmpdir(), "zss-doc-"));
  readonly #commandMs: number;
  readonly #awaitMs: number;
  readonly #endMs: number;
  readonly #shell: ChildProcess;
  readonly #statuses: AsyncIterator<string>;
  #count = 0;

  constructor(limits: DocLimits) {
    this.#commandMs = limits.commandMs ?? 60_000;
    this.#awaitMs = limits.awaitMs ?? 20_000;
    this.#endMs = limits.endMs ?? 5_000;
    const home = join(this.#folder, "home");
    const bin = join(this.#folder, "bin");
    mkdirSync(home);
    mkdirSync(bin);
    writeFileSync(join(bin, "zss"), programScript());
    chmodSync(join(bin, "zss"), 0o755);
    this.#shell = spawn("bash", ["--noprofile", "--norc"], {
      cwd: home,
      detached: true,
      env: { ...plainEnvironment(), HOME: home, PWD: home, PATH: `${bin}${delimiter}${process.env.PATH ?? ""}` },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#shell.stdin?.on("error", () => {}); // The end of the shell is seen in its output.
    if (this.#shell.stdout === null) throw new TypeError("Cannot read the output of the shell");
    this.#shell.stdin?.write("trap : TERM\n");
    this.#statuses = createInterface({ input: this.#shell.stdout })[Symbol.asyncIterator]();
  }

  /** Runs one command; says what went wrong. */
  async run(step: Step): Promise<string | undefined> {
    const until = performance.now() + this.#awaitMs;
    const output = this.#start(step);
    const status = await this.#status();
    if (status === undefined) {
      return `It did not end within ${this.#commandMs} ms; so far it said:\n${indent(readText(output))}`;
    }
    if (status !== 0 && !(step.isLook && step.expected.length > 0)) {
      return `It ended with status ${status} and said:\n${indent(readText(output))}`;
    }
    if (status === 0 && outputFits(step.expected, readText(output), step.isBackground)) return undefined;
    if ((step.isBackground || step.isLook) && performance.now() < until) {
      return await this.#again(step, output, until);
    }
    return difference(step, readText(output));
  }

  async #again(step: Step, output: string, until: number): Promise<string | undefined> {
    while (performance.now() < until) {
      await delay(50);
      let status: number | undefined = 0;
      if (step.isLook) {
        output = this.#start(step);
        status = await this.#status();
      }
      if (status === 0 && outputFits(step.expected, readText(output), step.isBackground)) return undefined;
      if (status === undefined) break;
    }
    return difference(step, readText(output));
  }

  /** Hands a command to the shell; returns the file that its output goes to. */
  #start(step: Step): string {
    const base = join(this.#folder, `step_${++this.#count}`);
    writeFileSync(`${base}.sh`, `${step.command}\n`);
    this.#shell.stdin?.write(`{ . '${base}.sh'; } </dev/null >'${base}.out' 2>&1; echo "$?"\n`);
    return `${base}.out`;
  }

  /** Awaits the status of the command under way; undefined when it takes too long or the shell ended. */
  async #status(): Promise<number | undefined> {
    const timeout = new AbortController();
    const late = delay(this.#commandMs, undefined, { signal: timeout.signal }).catch(() => undefined);
    const line = await Promise.race([this.#statuses.next(), late]);
    timeout.abort();
    return line === undefined || line.done === true ? undefined : Number(line.value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const group = this.#shell.pid;
    if (group !== undefined) {
      const isGone = new Promise((done) => this.#shell.once("close", done));
      // The shell outlives the signal (it traps it), awaits its children and then ends with its input.
      signal(group, "SIGTERM");
      this.#shell.stdin?.end("wait; wait\n");
      const late = setTimeout(() => signal(group, "SIGKILL"), this.#endMs);
      await isGone;
      clearTimeout(late);
    }
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Signals a whole process group; that nobody is left in it is no fault. */
function signal(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function programScript(): string {
  const binary = process.env.ZSS_BIN;
  const root = fileURLToPath(new URL("../", import.meta.url));
  const program = binary === undefined
    ? [Deno.execPath(), "run", "-A", "--no-check", join(root, "cli", "main.ts")]
    : [resolve(binary)];
  return `#!/bin/sh\nexec ${program.map((word) => `'${word}'`).join(" ")} "$@"\n`;
}

/** The environment without anything that would steer the program; with the cache that a run from source needs. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(ZSS_|SPIDERWEB_|XDG_|BASH_ENV$|ENV$)/.test(name));
  const about: { denoDir?: string } = JSON.parse(
    execFileSync(Deno.execPath(), ["info", "--json"], { encoding: "utf8" }),
  );
  return {
    ...Object.fromEntries(kept),
    ...(about.denoDir === undefined ? {} : { DENO_DIR: about.denoDir }),
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
    LC_ALL: "C.UTF-8",
  };
}

function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function difference(step: Step, output: string): string {
  return `The document shows:\n${indent(step.expected.join("\n"))}\nIt said:\n${indent(output)}`;
}

function indent(text: string): string {
  return text.trimEnd().split("\n").map((line) => `    ${line}`).join("\n");
}
