/**
 * A line that shows how far a copy is, where a person looks.
 *
 * @module
 */

import type { Clock } from "../../drivers/process/mod.ts";
import type { TextStream } from "../io.ts";
import { cleanText } from "../render/table.ts";
import { sizeText } from "./sizes.ts";

const BAR = 24;
/** Not more often than this the line is drawn again, in milliseconds. */
const DRAW_MS = 100;

/** The state of one file. */
export interface Progress {
  readonly name: string;
  readonly done: number;
  readonly total: number;
  readonly elapsedMs: number;
}

/** The line of one file, without an end. */
export function progressLine({ name, done, total, elapsedMs }: Progress): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(share * BAR);
  const bar = "█".repeat(filled) + "░".repeat(BAR - filled);
  const speed = elapsedMs <= 0 ? "" : `  ${sizeText(done / elapsedMs * 1_000)}/s`;
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  return `${bar} ${percent}  ${sizeText(done)} of ${sizeText(total)}${speed}  ${cleanText(name)}`;
}

/** Shows the progress of copies; nothing where nobody looks. */
export class ProgressLine {
  readonly #stream: TextStream;
  readonly #clock: Clock;
  #began = 0;
  #drawn = -Infinity;
  #isShown = false;

  constructor(stream: TextStream, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
  }

  /** A file begins. */
  begin(): void {
    this.#began = this.#clock.monotonic();
  }

  /** So much of it is done. */
  show(name: string, done: number, total: number): void {
    const now = this.#clock.monotonic();
    if (!this.#stream.isTerminal || now - this.#drawn < DRAW_MS) return;
    this.#drawn = now;
    this.#isShown = true;
    // One character of the width of most terminals stays free, or the line would break.
    const line = progressLine({ name, done, total, elapsedMs: now - this.#began }).slice(0, 79);
    this.#stream.write(`\r\u001b[2K${line}`);
  }

  /** Takes the line away, for what is written next. */
  clear(): void {
    if (this.#isShown) this.#stream.write("\r\u001b[2K");
    this.#isShown = false;
  }
}
