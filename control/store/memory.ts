/**
 * A store that forgets everything when the process ends; for tests and trials.
 *
 * @module
 */

import { GroupCommit } from "./group_commit.ts";
import type { StoredEvent } from "./records.ts";
import type { Store, Transaction } from "./store.ts";
import { WorkingSet } from "./working_set.ts";

/** How a store in memory is made. */
export interface MemoryStoreOptions {
  readonly epoch: string;
  /** How many events are held. @default {10000} */
  readonly maxEvents?: number;
}

/** Makes a store in memory. */
export function memoryStore(options: MemoryStoreOptions): Store {
  const maxEvents = options.maxEvents ?? 10_000;
  const working = new WorkingSet();
  let events: StoredEvent[] = [];
  const commits = new GroupCommit(working, (changes) => {
    for (const change of changes) events.push(...change.events);
    if (events.length > maxEvents) events = events.slice(-maxEvents);
  });
  return {
    epoch: options.epoch,
    get revision() {
      return working.revision;
    },
    get oldestRevision() {
      return events[0]?.revision ?? working.revision + 1;
    },
    get: (kind, key) => working.get(kind, key),
    list: (kind) => working.list(kind),
    transact: <T>(work: (tx: Transaction) => T) => commits.transact(work),
    readSince: (revision, limit) => events.filter((event) => event.revision > revision).slice(0, limit),
    onCommit: (listener) => commits.onCommit(listener),
    close: () => {
      commits.close();
      return Promise.resolve();
    },
  };
}
