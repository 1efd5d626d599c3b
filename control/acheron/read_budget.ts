/**
 * How much the reads of one connection may bring at once.
 *
 * A client may ask for more than it can take. What the answers will hold is
 * reserved before a read begins; the next one waits until enough of what came
 * before it has been sent and read.
 *
 * @module
 */

import type { SessionSocket } from "../sessions/session_socket.ts";

/** So much of answers may be under way or unread, in bytes; a single one may be more. */
const LIMIT_BYTES = 6 * 1024 * 1024;

interface Waiting {
  readonly bytes: number;
  readonly begin: () => void;
}

/** The budget of one connection. */
export class ReadBudget {
  readonly #socket: Pick<SessionSocket, "bufferedBytes" | "whenFlushed" | "isOpen">;
  readonly #waiting: Waiting[] = [];
  #reserved = 0;
  #isFlushing = false;

  constructor(socket: Pick<SessionSocket, "bufferedBytes" | "whenFlushed" | "isOpen">) {
    this.#socket = socket;
  }

  /**
   * Waits until an answer of at most `bytes` may be made; never ends when the connection ends before.
   *
   * @returns What gives the bytes back: to be called once, when the answer has been written.
   */
  async take(bytes: number): Promise<() => void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push({ bytes, begin: resolve });
      this.#admit();
    });
    return () => {
      this.#reserved -= bytes;
      this.#admit();
    };
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const used = this.#reserved + this.#socket.bufferedBytes;
      if (used > 0 && used + next.bytes > LIMIT_BYTES) break;
      this.#waiting.shift();
      this.#reserved += next.bytes;
      next.begin();
    }
    // Reads that are under way admit the next when they end; else only what is unread is in the way.
    if (this.#waiting.length === 0 || this.#reserved > 0 || this.#isFlushing || !this.#socket.isOpen) return;
    this.#isFlushing = true;
    this.#socket.whenFlushed(() => {
      this.#isFlushing = false;
      this.#admit();
    });
  }
}
