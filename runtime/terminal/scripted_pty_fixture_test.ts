/** A terminal whose far side is the test. */

import type { ProgramExit, Pty, PtySize } from "../../drivers/process/mod.ts";

export class ScriptedPty implements Pty {
  readonly pid = 4711;
  readonly exited: Promise<ProgramExit>;
  /** What happened to it, in order: `type abc`, `resize 3x4`, `hang up`, `kill`, `close`. */
  readonly log: string[] = [];
  /** Whether typed bytes stay untaken. */
  isDeaf = false;
  reads = 0;
  readonly #chunks: Uint8Array[] = [];
  readonly #exit = Promise.withResolvers<ProgramExit>();
  #isGone = false;
  #wake = () => {};

  constructor() {
    this.exited = this.#exit.promise;
  }

  /** The program writes. */
  print(text: string): void {
    this.#chunks.push(new TextEncoder().encode(text));
    this.#wake();
  }

  /** The program ends, and with it the terminal. */
  exit(code: number | null, signal: string | null = null): void {
    this.#exit.resolve({ code, signal });
    this.#isGone = true;
    this.#wake();
  }

  async read(): Promise<Uint8Array | undefined> {
    this.reads++;
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) return chunk;
      if (this.#isGone) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    this.log.push(`type ${new TextDecoder().decode(bytes)}`);
    return this.isDeaf ? new Promise(() => {}) : Promise.resolve();
  }

  resize({ cols, rows }: PtySize): void {
    this.log.push(`resize ${cols}x${rows}`);
  }

  hangUp(): void {
    this.log.push("hang up");
  }

  kill(): void {
    this.log.push("kill");
    this.exit(null, "SIGKILL");
  }

  close(): Promise<void> {
    this.log.push("close");
    return Promise.resolve();
  }
}

/** Lets everything happen that waits for nothing outside. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
