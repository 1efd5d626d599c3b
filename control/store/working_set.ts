/**
 * The records of a store in memory, with changes that can be taken back.
 *
 * Every store keeps its records here and differs only in how it makes a commit
 * durable. Changes are made in place and noted; `rollback` undoes them in
 * reverse.
 *
 * @module
 */

import type { NewEvent, Transaction } from "./store.ts";
import { type RecordKind, recordKinds, type RecordOf, type StoredEvent } from "./records.ts";

/** One write, as it has to reach the disk. */
export interface RecordWrite {
  readonly kind: RecordKind;
  readonly key: string;
  /** `undefined`: the record is removed. */
  readonly record: RecordOf[RecordKind] | undefined;
}

/** What one transaction changed. */
export interface ChangeSet {
  readonly writes: readonly RecordWrite[];
  readonly events: readonly StoredEvent[];
  /** Undoes the change in memory. Change sets are rolled back newest first. */
  rollback(): void;
}

type Tables = { readonly [K in RecordKind]: Map<string, RecordOf[K]> };

/** Records by kind and key, and the number of the newest event. */
export class WorkingSet {
  readonly #tables: Tables = {
    node: new Map(),
    catalog: new Map(),
    invite: new Map(),
    join_request: new Map(),
    token: new Map(),
    audit: new Map(),
    project: new Map(),
    active_project: new Map(),
    member: new Map(),
    counter: new Map(),
  };
  /** Revision of the newest event. */
  revision: number;

  constructor(revision = 0) {
    this.revision = revision;
  }

  get<K extends RecordKind>(kind: K, key: string): RecordOf[K] | undefined {
    return this.#tables[kind].get(key);
  }

  list<K extends RecordKind>(kind: K): RecordOf[K][] {
    return [...this.#tables[kind].values()];
  }

  entries<K extends RecordKind>(kind: K): { readonly key: string; readonly record: RecordOf[K] }[] {
    return Array.from(this.#tables[kind], ([key, record]) => ({ key, record }));
  }

  /** Puts a record that is durable already, as a store does when it opens. */
  load<K extends RecordKind>(kind: K, key: string, record: RecordOf[K]): void {
    this.#tables[kind].set(key, record);
  }

  /** Runs `work` and returns its value with what it changed. When it throws, nothing is changed. */
  run<T>(work: (tx: Transaction) => T): { value: T; changes: ChangeSet } {
    const undo: (() => void)[] = [];
    const writes: RecordWrite[] = [];
    const events: StoredEvent[] = [];
    const revisionBefore = this.revision;
    const rollback = () => {
      while (undo.length > 0) undo.pop()?.();
      this.revision = revisionBefore;
    };
    const put = <K extends RecordKind>(kind: K, key: string, record: RecordOf[K]) => {
      const table = this.#tables[kind];
      const previous = table.get(key);
      undo.push(() => previous === undefined ? table.delete(key) : table.set(key, previous));
      table.set(key, record);
      writes.push({ kind, key, record });
    };
    const tx: Transaction = {
      get: (kind, key) => this.get(kind, key),
      list: (kind) => this.list(kind),
      entries: (kind) => this.entries(kind),
      put,
      remove: (kind, key) => {
        undo.push(this.#removal(kind, key));
        writes.push({ kind, key, record: undefined });
      },
      nextNumber: (counter) => {
        const next = this.get("counter", counter)?.next ?? 1;
        put("counter", counter, { next: next + 1 });
        return next;
      },
      append: (event: NewEvent) => {
        this.revision++;
        events.push({ revision: this.revision, ...event });
        return this.revision;
      },
    };
    try {
      return { value: work(tx), changes: { writes, events, rollback } };
    } catch (error) {
      rollback();
      throw error;
    }
  }

  #removal<K extends RecordKind>(kind: K, key: string): () => void {
    const table = this.#tables[kind];
    const previous = table.get(key);
    table.delete(key);
    return () => {
      if (previous !== undefined) table.set(key, previous);
    };
  }
}

/** Whether `text` names a kind of record. */
export function isRecordKind(text: string): text is RecordKind {
  return recordKinds.some((kind) => kind === text);
}
