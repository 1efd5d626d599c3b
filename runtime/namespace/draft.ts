/**
 * A document that a client writes piece by piece.
 *
 * Pieces that follow each other are looked at once and copied once; a piece in
 * the middle of what is there makes both begin anew.
 *
 * @module
 */

import { Errno, FsError } from "../../control/protocol/fs.ts";
import { JsonObjectPrefix } from "./json_prefix.ts";
import type { JsonForm } from "./service_port.ts";

/** Most bytes in a file that clients write. */
export const MAX_DOCUMENT_BYTES = 1_048_576;

/** Most bytes that the handles of one file may keep of what was written through them. */
export const MAX_DRAFT_BYTES = 16 * MAX_DOCUMENT_BYTES;

/**
 * The documents that the handles of a file keep, those written last.
 *
 * A handle costs a client nothing, so what all of them keep has to have an end.
 */
export class DraftShelf {
  /** Their bytes, in the order in which they were written last. */
  readonly #sizes = new Map<Draft, number>();
  #total = 0;

  /** Keeps a document that was written just now; what was written the longest ago has to go when it is too much. */
  keep(draft: Draft): void {
    this.release(draft);
    this.#sizes.set(draft, draft.length);
    this.#total += draft.length;
    for (const oldest of this.#sizes.keys()) {
      if (this.#total <= MAX_DRAFT_BYTES) return;
      this.release(oldest);
      oldest.drop();
    }
  }

  /** Forgets a document that no handle needs any more. */
  release(draft: Draft): void {
    this.#total -= this.#sizes.get(draft) ?? 0;
    this.#sizes.delete(draft);
  }
}

/** A document under way. Bytes that it has shown are never changed in place. */
export class Draft {
  #buffer: Uint8Array;
  #length: number;
  #prefix = new JsonObjectPrefix();
  /** How many bytes the prefix has seen. */
  #seen = 0;
  /** What the document was when it had to go; `undefined` while it is there. */
  dropped: JsonForm | undefined;

  /** @param content Nobody else may change these bytes any more. @throws {FsError} `ENOSPC`. */
  constructor(content: Uint8Array) {
    requireFit(content.length);
    this.#buffer = content;
    this.#length = content.length;
  }

  get length(): number {
    return this.#length;
  }

  /** The document as it stands. */
  get content(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** The same in memory of its own, for what outlives the draft: a buffer that has grown is larger than what is in it. */
  ownBytes(): Uint8Array {
    return this.#buffer.length === this.#length ? this.#buffer : this.content.slice();
  }

  get form(): JsonForm {
    return this.dropped ?? this.#look().form;
  }

  /** What is wrong with a broken document, one phrase. */
  get fault(): string {
    return this.#look().fault;
  }

  /** Takes a piece; what is missing before it is zeros. The bytes are copied. @throws {FsError} `ENOSPC`. */
  write(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const end = offset + bytes.length;
    requireFit(end);
    if (offset < this.#length) {
      const next = new Uint8Array(Math.max(this.#length, end));
      next.set(this.content);
      this.#buffer = next;
      this.#prefix = new JsonObjectPrefix();
      this.#seen = 0;
    } else if (end > this.#buffer.length) {
      const next = new Uint8Array(Math.max(end, Math.min(2 * this.#length, MAX_DOCUMENT_BYTES)));
      next.set(this.content);
      this.#buffer = next;
    }
    this.#buffer.set(bytes, offset);
    this.#length = Math.max(this.#length, end);
  }

  /** Lets the bytes go. */
  drop(): void {
    this.dropped = this.form;
    this.#buffer = new Uint8Array();
  }

  #look(): JsonObjectPrefix {
    this.#prefix.take(this.#buffer.subarray(this.#seen, this.#length));
    this.#seen = this.#length;
    return this.#prefix;
  }
}

/** What the writer of a document is told that had to go before it was finished. */
export function tooManyDrafts(): FsError {
  return new FsError(Errno.EAGAIN, "would block: too many documents are being written at once, begin this one anew");
}

/** A document cut or filled with zeros to `size` bytes. @throws {FsError} `ENOSPC`. */
export function resized(document: Uint8Array, size: number): Uint8Array {
  requireFit(size);
  const next = new Uint8Array(size);
  next.set(document.subarray(0, size));
  return next;
}

/** @throws {FsError} `ENOSPC` for more than a file here holds. */
export function requireFit(size: number): void {
  if (size <= MAX_DOCUMENT_BYTES) return;
  throw new FsError(Errno.ENOSPC, `no space left: a file here holds at most ${MAX_DOCUMENT_BYTES} bytes`);
}
