/**
 * What came out of a terminal last, by its place in all that ever did.
 *
 * @module
 */

/** The last bytes of a stream. Offsets count from the first byte of the stream. */
export class OutputRing {
  readonly #capacity: number;
  readonly #chunks: Uint8Array[] = [];
  #start = 0;
  #end = 0;

  /** @param capacity How many bytes are kept at least, once there are as many. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Offset of the oldest byte that is kept; those before it are dropped. */
  get start(): number {
    return this.#start;
  }

  /** Offset behind the newest byte. */
  get end(): number {
    return this.#end;
  }

  /** Takes bytes; nobody may change them any more. */
  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#end += bytes.length;
    for (
      let oldest = this.#chunks[0];
      oldest !== undefined && this.#end - this.#start - oldest.length >= this.#capacity;
      oldest = this.#chunks[0]
    ) {
      this.#chunks.shift();
      this.#start += oldest.length;
    }
  }

  /** At most `length` bytes from `offset` on, which must be kept or yet to come. */
  read(offset: number, length: number): Uint8Array {
    const size = Math.max(0, Math.min(length, this.#end - offset));
    const out = new Uint8Array(size);
    let at = this.#start;
    for (const chunk of this.#chunks) {
      const from = Math.max(0, offset - at);
      const to = Math.min(chunk.length, offset + size - at);
      if (to <= 0) break;
      if (from < to) out.set(chunk.subarray(from, to), at + from - offset);
      at += chunk.length;
    }
    return out;
  }
}
