/**
 * The outer shape of a WebAssembly module: its sections, and the numbers in them.
 *
 * Pure. What is read here is somebody else's: whatever does not fit is said with
 * {@linkcode MalformedModule}, and the engine has the last word on the rest.
 *
 * @module
 */

/** Thrown for bytes that are no module, or one of another kind than can be read here. */
export class MalformedModule extends SyntaxError {}

/** One section. */
export interface Section {
  readonly id: number;
  readonly body: Uint8Array;
}

/** Ids of the sections that are read or written here. */
export const SECTION = {
  type: 1,
  import: 2,
  function: 3,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  code: 10,
} as const;

/** Bytes before the first section: the magic word and version 1. */
const HEAD = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** Splits a module. */
export function sectionsOf(module: Uint8Array): Section[] {
  if (HEAD.some((byte, index) => module[index] !== byte)) {
    throw new MalformedModule("It does not begin as a WebAssembly module of version 1 does");
  }
  const bytes = new ByteReader(module, HEAD.length);
  const sections: Section[] = [];
  while (!bytes.isAtEnd) {
    const id = bytes.byte();
    sections.push({ id, body: bytes.take(bytes.u32()) });
  }
  return sections;
}

/** Puts sections together. */
export function moduleOf(sections: readonly Section[]): Uint8Array<ArrayBuffer> {
  const parts = [Uint8Array.from(HEAD)];
  for (const { id, body } of sections) parts.push(Uint8Array.from([id, ...leb(body.length)]), Uint8Array.from(body));
  return joined(parts);
}

/** Puts pieces of bytes together. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Writes an unsigned number. */
export function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

/** Reads bytes from front to back. */
export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new MalformedModule("It is cut off");
    return byte;
  }

  /** Reads an unsigned number of at most 64 bits; beyond 2^53 it is not exact. */
  u32(): number {
    let value = 0;
    for (let weight = 1, count = 0; count < 10; weight *= 128, count++) {
      const byte = this.byte();
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) return value;
    }
    throw new MalformedModule("It holds a number without end");
  }

  /** Passes over a number of any width. */
  skipNumber(): void {
    for (let count = 0; count < 10; count++) if (this.byte() < 0x80) return;
    throw new MalformedModule("It holds a number without end");
  }

  /** Everything that was not read yet. */
  rest(): Uint8Array {
    return this.bytes.subarray(this.at);
  }

  take(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) throw new MalformedModule("It is cut off");
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}
