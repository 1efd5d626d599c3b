/**
 * Finds what programs have left running outside of their groups, a moment
 * after they have ended.
 *
 * A daemon that has left its group and closed its outputs is nobody's child any
 * more; the one thing that still tells where it came from is its environment.
 * To see that, every process is looked at that was not there the last time,
 * which is too much for each run: the looks are made together, at most one a
 * second, and none holds an answer up.
 *
 * @module
 */

import type { CancelTimer, Clock } from "./clock.ts";
import type { Os, Stray } from "./os.ts";
import { MARK_VARIABLE } from "./started_program.ts";

/** How long after its end the first look at what a program left is made, in milliseconds: what is killed is gone then. */
const DELAY_MS = 100;

/** Least time between two looks, in milliseconds. */
const PAUSE_MS = 1_000;

interface Question {
  readonly owner: object;
  readonly answer: (strays: readonly Stray[]) => void;
}

const finders = new WeakMap<Clock, Map<Os, StrayFinder>>();

/** The finder that all drivers with this clock share, so that their looks are made together. */
export function strayFinder(clock: Clock, os: Os): StrayFinder {
  const ofClock = finders.get(clock) ?? new Map<Os, StrayFinder>();
  finders.set(clock, ofClock);
  const finder = ofClock.get(os) ?? new StrayFinder(clock, os);
  ofClock.set(os, finder);
  return finder;
}

/** Looks for the leftovers of programs that have ended. */
export class StrayFinder {
  readonly #clock: Clock;
  readonly #os: Os;
  /** By mark. */
  readonly #questions = new Map<string, Question>();
  /** Processes that were looked at and that carry no mark. */
  readonly #unmarked = new Set<number>();
  #cancel: CancelTimer | undefined;
  #lookedAt = -Infinity;

  constructor(clock: Clock, os: Os) {
    this.#clock = clock;
    this.#os = os;
  }

  /**
   * Resolves with what carries the mark of a program that has ended; empty where the system does not tell.
   *
   * @param owner Whoever asks, for `forget`.
   */
  find(mark: string, owner: object): Promise<readonly Stray[]> {
    const { promise, resolve } = Promise.withResolvers<readonly Stray[]>();
    this.#questions.set(mark, { owner, answer: resolve });
    this.#cancel ??= this.#clock.after(
      Math.max(DELAY_MS, this.#lookedAt + PAUSE_MS - this.#clock.monotonic()),
      () => this.#look(),
    );
    return promise;
  }

  /** Answers everything that an owner has asked with nothing. */
  forget(owner: object): void {
    for (const [mark, question] of this.#questions) {
      if (question.owner !== owner) continue;
      this.#questions.delete(mark);
      question.answer([]);
    }
    if (this.#questions.size > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #look(): void {
    this.#cancel = undefined;
    this.#lookedAt = this.#clock.monotonic();
    const found = this.#os.carriersOf(MARK_VARIABLE, this.#unmarked);
    for (const [mark, { answer }] of this.#questions) answer(found.get(mark) ?? []);
    this.#questions.clear();
  }
}
