/**
 * A store that forgets everything when the process ends; for tests and trials.
 *
 * @module
 */

import { catalogText } from "../catalog/catalog_text.ts";
import { GroupCommit } from "./group_commit.ts";
import { eventHead, HistoryIndex, type HistoryLimits } from "./history_index.ts";
import type { StoredEvent } from "./records.ts";
import type { Store, Transaction } from "./store.ts";
import { WorkingSet } from "./working_set.ts";

/** How a store in memory is made. */
export interface MemoryStoreOptions {
  readonly epoch: string;
  /** How much history is held. */
  readonly history?: HistoryLimits;
}

/** Makes a store in memory. */
export function memoryStore(options: MemoryStoreOptions): Store {
  const working = new WorkingSet();
  const index = new HistoryIndex(options.history ?? {}, 1);
  let events: StoredEvent[] = [];
  const commits = new GroupCommit(working, (changes) => {
    const added = changes.flatMap((change) => change.events);
    if (added.length === 0) return;
    const heads = added.map((event) => eventHead(event, catalogText(event.payload).length));
    const oldest = index.oldestAfter(heads);
    index.add(heads, oldest);
    events.push(...added);
    if ((events[0]?.revision ?? oldest) < oldest) events = events.slice(oldest - (events[0]?.revision ?? oldest));
  });
  return {
    epoch: options.epoch,
    get revision() {
      return working.revision;
    },
    get oldestRevision() {
      return index.oldest;
    },
    get: (kind, key) => working.get(kind, key),
    list: (kind) => working.list(kind),
    entries: (kind) => working.entries(kind),
    transact: <T>(work: (tx: Transaction) => T) => commits.transact(work),
    readSince(revision, limit) {
      const from = Math.max(0, revision + 1 - index.oldest);
      return events.slice(from, from + limit);
    },
    headsSince: (revision) => index.since(revision),
    onCommit: (listener) => commits.onCommit(listener),
    close: () => {
      commits.close();
      return Promise.resolve();
    },
  };
}
