/**
 * Reading a program within a limit.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Readable } from "node:stream";

/** What a program writes to one of its outputs, up to a limit. */
export class Capture {
  readonly #limit: number;
  readonly #chunks: Uint8Array[] = [];
  readonly #onFull: () => void;
  #size = 0;
  #total = 0;

  /**
   * @param limit How many bytes are kept; what comes after them is read and dropped.
   * @param onFull Called for each chunk of which something had to be dropped.
   */
  constructor(limit: number, onFull: () => void) {
    this.#limit = limit;
    this.#onFull = onFull;
  }

  /** Reads a stream. Resolves when nothing more will come; never rejects. */
  from(stream: Readable): Promise<void> {
    stream.on("data", (chunk: Uint8Array) => this.add(chunk));
    return stream.closed ? Promise.resolve() : new Promise((resolve) => stream.once("close", resolve));
  }

  /** How many bytes were kept so far. */
  get size(): number {
    return this.#size;
  }

  /** How many bytes came so far, the dropped ones included. */
  get total(): number {
    return this.#total;
  }

  /** What was kept so far. */
  bytes(): Uint8Array {
    return Buffer.concat(this.#chunks, this.#size);
  }

  /** Keeps a chunk, as far as there is room. */
  add(chunk: Uint8Array): void {
    const room = this.#limit - this.#size;
    const kept = chunk.length <= room ? chunk : chunk.subarray(0, room);
    if (kept.length > 0) this.#chunks.push(kept);
    this.#size += kept.length;
    this.#total += chunk.length;
    if (chunk.length > room) this.#onFull();
  }
}
