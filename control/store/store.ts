/**
 * Where the control plane keeps what it must not forget.
 *
 * A store holds records, by kind and key, and a history of events. It is
 * changed only inside a transaction: a function that reads and writes through
 * the handle it is given and returns a value. All writes and events of one
 * transaction become durable together or not at all, and its promise settles
 * only then, so an answer that waits for it never promises what a crash can
 * take back.
 *
 * Records are values: whoever reads one must not change it.
 *
 * The suite that every store passes is `store_contract.ts`.
 *
 * @module
 */

import type { EventHead, EventKind, RecordKind, RecordOf, StoredEvent } from "./records.ts";

/** An event before the store has given it its revision. */
export interface NewEvent {
  readonly kind: EventKind;
  readonly node_id: string;
  readonly timestamp_ms: number;
  /** JSON object: the payload as watchers get it, without its `event` member. */
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Reads records as of the last commit. */
export interface RecordReader {
  get<K extends RecordKind>(kind: K, key: string): RecordOf[K] | undefined;
  /** All records of a kind, in the order in which their keys were first written. */
  list<K extends RecordKind>(kind: K): RecordOf[K][];
  /** The same with their keys. */
  entries<K extends RecordKind>(kind: K): { readonly key: string; readonly record: RecordOf[K] }[];
}

/** What a transaction sees and may do; dead once the transaction's function has returned. */
export interface Transaction extends RecordReader {
  put<K extends RecordKind>(kind: K, key: string, record: RecordOf[K]): void;
  /** Does nothing when there is no such record. */
  remove(kind: RecordKind, key: string): void;
  /** Next number of a counter: 1, 2, 3, ...; a number is never given out twice, whatever is deleted. */
  nextNumber(counter: string): number;
  /** Adds an event to the history and returns its revision, one more than that of the event before it. */
  append(event: NewEvent): number;
}

/** The port. One instance per process and data folder. */
export interface Store extends RecordReader {
  /** Names this history: a new one when the store is made or restored, the same after a restart. */
  readonly epoch: string;
  /** Revision of the newest committed event; 0 when there is none. */
  readonly revision: number;
  /** Revision of the oldest event still held; `revision + 1` when none is. */
  readonly oldestRevision: number;

  /**
   * Runs `work` as one transaction.
   *
   * Transactions run one after another in the order of the calls; `work` must
   * be synchronous and may run in the same commit as others. When it throws,
   * its writes are undone and the promise rejects with what it threw; others
   * of the same commit are not affected.
   *
   * @throws {ZssError} `storage_error` when the commit failed; nothing of it remains.
   */
  transact<T>(work: (tx: Transaction) => T): Promise<T>;

  /** Events with a revision above `revision`, oldest first, at most `limit`. */
  readSince(revision: number, limit: number): StoredEvent[];

  /** Heads of the events with a revision above `revision` that are held, oldest first. Quick: nothing is read from a disk. */
  headsSince(revision: number): readonly EventHead[];

  /** Calls `listener` after each commit that holds events, before the promises of its transactions settle. */
  onCommit(listener: (events: readonly StoredEvent[]) => void): () => void;

  /** Waits for the transactions under way and closes the files. */
  close(): Promise<void>;
}
