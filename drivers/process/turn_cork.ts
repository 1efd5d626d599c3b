/**
 * What one turn of the event loop writes to a socket, in few writes.
 *
 * A write wakes whoever reads, and costs more than what is said with it. The
 * first of a turn leaves at once, so that an answer alone waits for nothing;
 * those that follow leave together, when the turn is over, in their order.
 *
 * @module
 */

import process from "node:process";

/** The part of a socket of `node:net` that holds writes back. */
export interface Corkable {
  cork(): void;
  uncork(): void;
}

/** Holds back what follows the first write of a turn, for one socket. */
export class TurnCork {
  readonly #afterTurn: (action: () => void) => void;
  #writes = 0;

  /** @param afterTurn Calls when the turn is over. @default process.nextTick */
  constructor(afterTurn: (action: () => void) => void = (action) => process.nextTick(action)) {
    this.#afterTurn = afterTurn;
  }

  /** To be called before each write. */
  beforeWrite(socket: Corkable): void {
    this.#writes++;
    if (this.#writes === 1) {
      this.#afterTurn(() => {
        const isCorked = this.#writes > 1;
        this.#writes = 0;
        if (isCorked) socket.uncork();
      });
    } else if (this.#writes === 2) socket.cork();
  }
}
