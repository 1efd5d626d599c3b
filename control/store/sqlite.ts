/**
 * The store on disk: one SQLite file, write-ahead log, every commit synced.
 *
 * @module
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { errorText, ZssError } from "../protocol/errors.ts";
import { GroupCommit } from "./group_commit.ts";
import type { EventKind, RecordKind, RecordOf, StoredEvent } from "./records.ts";
import type { Store, Transaction } from "./store.ts";
import { isRecordKind, WorkingSet } from "./working_set.ts";

/** Name of the file in the data folder. */
export const STORE_FILE = "zss.db";

/** Version of the tables; a file with a newer one is refused. */
const SCHEMA_VERSION = 1;

const TABLES = `
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS events (
    revision INTEGER PRIMARY KEY, kind TEXT NOT NULL, node_id TEXT NOT NULL,
    timestamp_ms INTEGER NOT NULL, payload TEXT NOT NULL
  ) STRICT;
`;

/** How a store on disk is opened. */
export interface SqliteStoreOptions {
  /** Folder of the file; made with mode 0700 when missing. */
  readonly folder: string;
  /** Makes the epoch of a new store. */
  readonly newEpoch: () => string;
  /** How many events are held. @default {10000} */
  readonly maxEvents?: number;
}

/**
 * Opens the store of a data folder, making it when there is none.
 *
 * @throws {ZssError} `storage_error` when the folder or file cannot be used, or a newer version of zss has written it.
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  const file = join(options.folder, STORE_FILE);
  let database: DatabaseSync;
  try {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    database = new DatabaseSync(file);
    // One server per file: the records are kept in memory too, so a second writer would work on old ones.
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 500;");
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    database.exec(TABLES);
  } catch (cause) {
    const isTaken = /locked/.test(errorText(cause));
    throw new ZssError(
      "storage_error",
      `Cannot open the store "${file}": ${isTaken ? "another server uses it" : errorText(cause)}`,
      {
        hint: isTaken
          ? "stop the other server, or choose another folder with --data-dir"
          : "choose another folder with --data-dir, or restore this one from a backup",
        cause,
      },
    );
  }
  return new SqliteStore(database, file, options);
}

class SqliteStore implements Store {
  readonly epoch: string;
  readonly #database: DatabaseSync;
  readonly #working: WorkingSet;
  readonly #commits: GroupCommit;
  readonly #maxEvents: number;
  #oldestRevision: number;

  constructor(database: DatabaseSync, file: string, options: SqliteStoreOptions) {
    this.#database = database;
    this.#maxEvents = options.maxEvents ?? 10_000;
    this.#checkVersion(file);
    this.epoch = this.#meta("epoch", options.newEpoch);
    const range = database.prepare("SELECT min(revision) AS oldest, max(revision) AS newest FROM events").get();
    const newest = Number(this.#meta("revision", () => String(range?.["newest"] ?? 0)));
    this.#oldestRevision = Number(range?.["oldest"] ?? newest + 1);
    this.#working = new WorkingSet(newest);
    this.#loadRecords();

    const put = database.prepare(
      "INSERT INTO records (kind, key, value) VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
    );
    const remove = database.prepare("DELETE FROM records WHERE kind = ? AND key = ?");
    const append = database.prepare(
      "INSERT INTO events (revision, kind, node_id, timestamp_ms, payload) VALUES (?, ?, ?, ?, ?)",
    );
    const setMeta = database.prepare("UPDATE meta SET value = ? WHERE name = ?");
    const trim = database.prepare("DELETE FROM events WHERE revision < ?");
    this.#commits = new GroupCommit(this.#working, (changes) => {
      database.exec("BEGIN IMMEDIATE");
      try {
        let events = 0;
        for (const change of changes) {
          for (const write of change.writes) {
            if (write.record === undefined) remove.run(write.kind, write.key);
            else put.run(write.kind, write.key, JSON.stringify(write.record));
          }
          for (const event of change.events) {
            append.run(event.revision, event.kind, event.node_id, event.timestamp_ms, JSON.stringify(event.payload));
            events++;
          }
        }
        let oldest = this.#oldestRevision;
        if (events > 0) {
          setMeta.run(String(this.#working.revision), "revision");
          oldest = Math.max(oldest, this.#working.revision - this.#maxEvents + 1);
          if (oldest > this.#oldestRevision) trim.run(oldest);
        }
        database.exec("COMMIT");
        this.#oldestRevision = oldest;
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  get revision(): number {
    return this.#working.revision;
  }

  get oldestRevision(): number {
    return this.#oldestRevision;
  }

  get<K extends RecordKind>(kind: K, key: string): RecordOf[K] | undefined {
    return this.#working.get(kind, key);
  }

  list<K extends RecordKind>(kind: K): RecordOf[K][] {
    return this.#working.list(kind);
  }

  transact<T>(work: (tx: Transaction) => T): Promise<T> {
    return this.#commits.transact(work);
  }

  readSince(revision: number, limit: number): StoredEvent[] {
    const rows = this.#database.prepare(
      "SELECT revision, kind, node_id, timestamp_ms, payload FROM events WHERE revision > ? ORDER BY revision LIMIT ?",
    ).all(revision, limit);
    return rows.map((row) => ({
      revision: Number(row["revision"]),
      kind: String(row["kind"]) as EventKind,
      node_id: String(row["node_id"]),
      timestamp_ms: Number(row["timestamp_ms"]),
      payload: JSON.parse(String(row["payload"])) as Record<string, unknown>,
    }));
  }

  onCommit(listener: (events: readonly StoredEvent[]) => void): () => void {
    return this.#commits.onCommit(listener);
  }

  close(): Promise<void> {
    this.#commits.close();
    if (this.#database.isOpen) this.#database.close();
    return Promise.resolve();
  }

  #checkVersion(file: string): void {
    const found = Number(this.#meta("schema_version", () => String(SCHEMA_VERSION)));
    if (found <= SCHEMA_VERSION) return;
    throw new ZssError(
      "storage_error",
      `Cannot open the store "${file}": it has schema version ${found}, this zss knows ${SCHEMA_VERSION}`,
      { hint: "use the newer zss that wrote it, or another --data-dir" },
    );
  }

  #meta(name: string, initial: () => string): string {
    const row = this.#database.prepare("SELECT value FROM meta WHERE name = ?").get(name);
    if (row !== undefined) return String(row["value"]);
    const value = initial();
    this.#database.prepare("INSERT INTO meta (name, value) VALUES (?, ?)").run(name, value);
    return value;
  }

  #loadRecords(): void {
    for (const row of this.#database.prepare("SELECT kind, key, value FROM records ORDER BY rowid").iterate()) {
      const kind = String(row["kind"]);
      // A kind that this version does not know belongs to a newer one of the same schema; it is left alone.
      if (isRecordKind(kind)) this.#working.load(kind, String(row["key"]), JSON.parse(String(row["value"])));
    }
  }
}
