/**
 * The lines of a stream that never ends, each within a limit.
 *
 * @module
 */

import { Buffer } from "node:buffer";

const NEWLINE = 0x0a;

/** Cuts chunks into lines. */
export class LineCutter {
  readonly #limit: number;
  #parts: Uint8Array[] = [];
  #size = 0;

  /** @param limit Most bytes that a line may have. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Takes a chunk and returns the lines that it completes, without their ends.
   *
   * @returns `undefined` when the line that has begun is longer than the limit; `rest` then holds its beginning and
   * nothing can be read any more, since nobody knows where it ends.
   */
  push(chunk: Uint8Array): Uint8Array[] | undefined {
    const lines: Uint8Array[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (this.#size + end - start > this.#limit) break;
      const last = chunk.subarray(start, end);
      lines.push(this.#size === 0 ? last : Buffer.concat([...this.#parts, last]));
      this.#parts = [];
      this.#size = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      this.#parts.push(chunk.subarray(start));
      this.#size += chunk.length - start;
    }
    return this.#size > this.#limit ? undefined : lines;
  }

  /** What has come of a line that is not complete. */
  rest(): Uint8Array {
    return Buffer.concat(this.#parts, this.#size);
  }
}
