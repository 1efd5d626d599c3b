/**
 * Many transactions, one commit.
 *
 * Writing to disk safely costs about the same for one change as for a hundred.
 * Transactions that arrive in the same turn of the event loop therefore share a
 * commit, and none is acknowledged before the commit that holds it.
 *
 * @module
 */

import { errorText, ZssError } from "../protocol/errors.ts";
import type { StoredEvent } from "./records.ts";
import type { Transaction } from "./store.ts";
import type { ChangeSet, WorkingSet } from "./working_set.ts";

/** At most this many transactions share a commit, which bounds how long the event loop stands still. */
const MAX_BATCH = 128;

interface Waiting {
  readonly work: (tx: Transaction) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What a store does to make changes durable. Synchronous; throws when nothing was kept. */
export type PersistChanges = (changes: readonly ChangeSet[]) => void;

/** The queue in front of a commit. */
export class GroupCommit {
  readonly #working: WorkingSet;
  readonly #persist: PersistChanges;
  readonly #listeners = new Set<(events: readonly StoredEvent[]) => void>();
  #waiting: Waiting[] = [];
  #scheduled = false;
  #closed = false;

  constructor(working: WorkingSet, persist: PersistChanges) {
    this.#working = working;
    this.#persist = persist;
  }

  onCommit(listener: (events: readonly StoredEvent[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  transact<T>(work: (tx: Transaction) => T): Promise<T> {
    if (this.#closed) return Promise.reject(new ZssError("storage_error", "Cannot write: the store is closed"));
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let value: { readonly result: T } | undefined;
    this.#waiting.push({
      work: (tx) => value = { result: work(tx) },
      resolve: () => value === undefined ? reject(new TypeError("Transaction has not run")) : resolve(value.result),
      reject,
    });
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#flush());
    }
    return promise;
  }

  /** Commits what waits and refuses everything after it. */
  close(): void {
    while (this.#waiting.length > 0) this.#flush();
    this.#closed = true;
  }

  #flush(): void {
    this.#scheduled = false;
    const batch = this.#waiting.splice(0, MAX_BATCH);
    if (batch.length === 0) return;
    const done: Waiting[] = [];
    const changes: ChangeSet[] = [];
    for (const waiting of batch) {
      try {
        changes.push(this.#working.run(waiting.work).changes);
        done.push(waiting);
      } catch (error) {
        waiting.reject(error);
      }
    }
    try {
      this.#persist(changes);
    } catch (cause) {
      for (const change of changes.toReversed()) change.rollback();
      const error = new ZssError("storage_error", `Cannot store the change: ${errorText(cause)}`, {
        hint: "nothing was changed; check the space and the rights of the server's data folder, then try again",
        cause,
      });
      for (const waiting of done) waiting.reject(error);
      this.#scheduleRest();
      return;
    }
    const events = changes.flatMap((change) => change.events);
    try {
      if (events.length > 0) { for (const listener of this.#listeners) listener(events); }
    } finally {
      // The commit holds, whatever becomes of those who listen.
      for (const waiting of done) waiting.resolve(undefined);
      this.#scheduleRest();
    }
  }

  #scheduleRest(): void {
    if (this.#waiting.length === 0 || this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }
}
