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

/** So much of the answers of one node may be under way or unread, in bytes; a single one may be more. */
const LIMIT_BYTES = 6 * 1024 * 1024;
/**
 * So much of the answers of all nodes together. One of each node goes beyond it: nodes that do not answer must not keep
 * a client from reading others.
 */
const TOTAL_BYTES = 48 * 1024 * 1024;

interface Waiting {
  readonly bytes: number;
  readonly begin: () => void;
}

/** The reads of one node, or of the server itself. */
interface Line {
  readonly waiting: Waiting[];
  reserved: number;
}

/** The budget of one connection. */
export class ReadBudget {
  readonly #socket: Pick<SessionSocket, "bufferedBytes" | "whenFlushed" | "isOpen">;
  readonly #lines = new Map<string, Line>();
  #reserved = 0;
  #isFlushing = false;

  constructor(socket: Pick<SessionSocket, "bufferedBytes" | "whenFlushed" | "isOpen">) {
    this.#socket = socket;
  }

  /**
   * Waits until an answer of at most `bytes` may be made; never ends when the connection ends before.
   *
   * @param owner Whose answer it will be: the id of a node, or the empty text for the server itself.
   * @returns What gives the bytes back: to be called once, when the answer has been written.
   */
  async take(bytes: number, owner: string): Promise<() => void> {
    const line = this.#lines.get(owner) ?? { waiting: [], reserved: 0 };
    this.#lines.set(owner, line);
    await new Promise<void>((resolve) => {
      line.waiting.push({ bytes, begin: resolve });
      this.#admit();
    });
    return () => {
      this.#reserved -= bytes;
      line.reserved -= bytes;
      if (line.reserved === 0 && line.waiting.length === 0) this.#lines.delete(owner);
      this.#admit();
    };
  }

  #admit(): void {
    for (const line of this.#lines.values()) {
      for (let next = line.waiting[0]; next !== undefined && this.#mayBegin(line, next); next = line.waiting[0]) {
        line.waiting.shift();
        line.reserved += next.bytes;
        this.#reserved += next.bytes;
        next.begin();
      }
    }
    // Reads that are under way admit the next when they end; else only what is unread is in the way.
    const { bufferedBytes, isOpen } = this.#socket;
    if (bufferedBytes === 0 || this.#isFlushing || !isOpen) return;
    if (![...this.#lines.values()].some(({ waiting }) => waiting.length > 0)) return;
    this.#isFlushing = true;
    this.#socket.whenFlushed(() => {
      this.#isFlushing = false;
      this.#admit();
    });
  }

  #mayBegin({ reserved }: Line, { bytes }: Waiting): boolean {
    const { bufferedBytes: unread } = this.#socket;
    if (reserved + unread === 0) return true;
    if (reserved + unread + bytes > LIMIT_BYTES) return false;
    return reserved === 0 || this.#reserved + unread + bytes <= TOTAL_BYTES;
  }
}
