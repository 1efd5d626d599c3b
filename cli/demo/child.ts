/**
 * A command of this program as a process of its own, watched by the demo.
 *
 * @module
 */

import process from "node:process";
import { ZssError } from "../../control/protocol/errors.ts";
import { type Clock, currentOs, programCommand, type StartedProgram, startProgram } from "../../drivers/process/mod.ts";

/** How long a child may take to say that it is up, or to end, in milliseconds. */
const DEADLINE_MS = 20_000;

/** A running command. */
export class DemoChild {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #program: StartedProgram;
  readonly #waiting = new Set<() => void>();
  #output = "";
  #hasExited = false;

  /** Settles with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;

  private constructor(name: string, program: StartedProgram, clock: Clock) {
    this.#name = name;
    this.#clock = clock;
    this.#program = program;
    const take = (chunk: Uint8Array) => {
      this.#output += new TextDecoder().decode(chunk);
      this.#wake();
    };
    program.stdout.on("data", take);
    program.stderr.on("data", take);
    this.ended = program.exited.then(({ code, signal }) => {
      this.#hasExited = true;
      this.#wake();
      return code ?? signal ?? "unknown";
    });
  }

  /**
   * Starts `zss <args>`.
   *
   * @param env Variables beside those that every program gets.
   * @throws {ZssError} `demo_failed` when it cannot be started.
   */
  static async start(
    name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    clock: Clock,
  ): Promise<DemoChild> {
    const self = programCommand(args);
    const program = await startProgram({
      ...self,
      cwd: process.cwd(),
      // Its standard input is ours: when this process ends, however it ends, the child does too.
      env: { ...currentOs.cleanEnvironment(process.env), ...self.env, ...env, ZSS_END_WITH_STDIN: "1" },
    });
    if (program.started) return new DemoChild(name, program, clock);
    throw new ZssError("demo_failed", `Cannot start the ${name}: ${program.reason}`);
  }

  /** Waits until its output matches. @throws {ZssError} `demo_failed` when it ends or the time is over before. */
  async printed(pattern: RegExp): Promise<RegExpMatchArray> {
    let isLate = false;
    const cancel = this.#clock.after(DEADLINE_MS, () => {
      isLate = true;
      this.#wake();
    });
    try {
      for (;;) {
        const match = this.#output.match(pattern);
        if (match !== null) return match;
        if (isLate || this.#hasExited) {
          const state = isLate ? `said nothing of the kind within ${DEADLINE_MS / 1000} s` : "ended";
          throw new ZssError("demo_failed", `Cannot go on: the ${this.#name} ${state}`, {
            hint: `its output was: ${this.#output.trim() || "(nothing)"}`,
          });
        }
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      cancel();
    }
  }

  /** Ends it: asks first, insists after the deadline. */
  async stop(): Promise<void> {
    if (this.#hasExited) return;
    this.#program.stdin.end();
    const cancel = this.#clock.after(DEADLINE_MS, () => currentOs.killTree(this.#program.pid));
    await this.ended;
    cancel();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
