/**
 * A command of this program as a process of its own, watched by the demo.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { ZssError } from "../../control/protocol/mod.ts";
import { type Clock, currentOs, programCommand } from "../../drivers/process/mod.ts";

/** How long a child may take to say that it is up, or to end, in milliseconds. */
const DEADLINE_MS = 20_000;

/** A running command. */
export class DemoChild {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #output = "";
  #exited = false;

  /** Settles with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;

  /**
   * Starts `zss <args>`.
   *
   * @param env Variables beside those that every process needs.
   */
  constructor(name: string, args: readonly string[], env: Readonly<Record<string, string>>, clock: Clock) {
    this.#name = name;
    this.#clock = clock;
    const self = programCommand(args);
    const keep = ["PATH", "HOME", "LANG", "TMPDIR", "SystemRoot", "TEMP", "USERPROFILE"];
    const inherited = Object.fromEntries(
      keep.flatMap((key) => process.env[key] === undefined ? [] : [[key, process.env[key]]]),
    );
    this.#child = spawn(self.file, [...self.args], {
      // Its standard input is ours: when this process ends, however it ends, the child does too.
      env: { ...inherited, ...self.env, ...env, ZSS_END_WITH_STDIN: "1" },
      stdio: ["pipe", "pipe", "pipe"],
      // A group of its own, so that Ctrl-C reaches the demo first.
      detached: currentOs.hasGroups,
    });
    const take = (chunk: Uint8Array) => {
      this.#output += new TextDecoder().decode(chunk);
      for (const wake of this.#waiting) wake();
    };
    this.#child.stdout?.on("data", take);
    this.#child.stderr?.on("data", take);
    this.#child.stdin?.on("error", () => {});
    this.ended = new Promise((resolve) => {
      const done = (how: number | string) => {
        this.#exited = true;
        for (const wake of this.#waiting) wake();
        resolve(how);
      };
      this.#child.on("error", (error) => done(error.message));
      this.#child.on("close", (code, signal) => done(code ?? signal ?? "unknown"));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What it has printed so far. */
  get output(): string {
    return this.#output;
  }

  /** Waits until its output matches. @throws {ZssError} `demo_failed` when it ends or the time is over before. */
  async printed(pattern: RegExp): Promise<RegExpMatchArray> {
    let late = false;
    const cancel = this.#clock.after(DEADLINE_MS, () => {
      late = true;
      for (const wake of this.#waiting) wake();
    });
    try {
      for (;;) {
        const match = this.#output.match(pattern);
        if (match !== null) return match;
        if (late || this.#exited) {
          const state = late ? `said nothing of the kind within ${DEADLINE_MS / 1000} s` : "ended";
          throw new ZssError("demo_failed", `Cannot go on: the ${this.#name} ${state}`, {
            hint: `its output was: ${this.#output.trim() || "(nothing)"}`,
          });
        }
        await new Promise<void>((resolve) => {
          const wake = () => {
            this.#waiting.delete(wake);
            resolve();
          };
          this.#waiting.add(wake);
        });
      }
    } finally {
      cancel();
    }
  }

  /** Ends it: asks first, insists after the deadline. */
  async stop(): Promise<void> {
    if (this.#exited) return;
    this.#child.stdin?.end();
    const cancel = this.#clock.after(DEADLINE_MS, () => this.#child.kill("SIGKILL"));
    await this.ended;
    cancel();
  }
}
