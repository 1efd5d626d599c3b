/**
 * Feeding a program and reading it, at the same time and within a limit.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Readable, Writable } from "node:stream";

/** Writes all of `bytes` and ends the stream. Returns at once: a program may answer before it has read everything. */
export function feed(stdin: Writable, bytes: Uint8Array): void {
  stdin.end(bytes);
}

/** What comes out of a stream, up to a limit. */
export class Capture {
  /** Resolves when nothing more will come. Never rejects. */
  readonly ended: Promise<void>;
  readonly #limit: number;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;
  #total = 0;

  /**
   * Starts to read.
   *
   * @param limit How many bytes are kept; what comes after them is read and dropped.
   * @param onFull Called for each chunk of which something had to be dropped.
   */
  constructor(stream: Readable, limit: number, onFull: () => void) {
    this.#limit = limit;
    stream.on("data", (chunk: Uint8Array) => {
      if (!this.#add(chunk)) onFull();
    });
    this.ended = new Promise((resolve) => stream.once("close", resolve));
  }

  /** How many bytes came so far, the dropped ones included. */
  get total(): number {
    return this.#total;
  }

  /** What was kept so far. */
  bytes(): Uint8Array {
    return Buffer.concat(this.#chunks, this.#size);
  }

  #add(chunk: Uint8Array): boolean {
    const room = this.#limit - this.#size;
    const kept = chunk.length <= room ? chunk : chunk.subarray(0, room);
    if (kept.length > 0) this.#chunks.push(kept);
    this.#size += kept.length;
    this.#total += chunk.length;
    return chunk.length <= room;
  }
}
