/**
 * Who waits for whom at one place: what only looks goes side by side, what
 * changes something goes alone, all in the order in which they came.
 *
 * @module
 */

/** The queue of one place. */
export class Turns {
  #alone: Promise<unknown> = Promise.resolve();
  readonly #together = new Set<Promise<unknown>>();
  #count = 0;

  /** Whether nothing runs or waits. */
  get isIdle(): boolean {
    return this.#count === 0;
  }

  /** Runs when everything before it has ended; what comes later waits for it. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const before = [this.#alone, ...this.#together];
    this.#together.clear();
    const run = Promise.all(before).then(work);
    this.#alone = this.#counted(run);
    return run;
  }

  /** Runs when everything before it that runs alone has ended. */
  together<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#alone.then(work);
    const ended = this.#counted(run).then(() => {
      this.#together.delete(ended);
    });
    this.#together.add(ended);
    return run;
  }

  #counted(run: Promise<unknown>): Promise<void> {
    this.#count++;
    const done = () => {
      this.#count--;
    };
    return run.then(done, done);
  }
}
