/**
 * The store on disk: one SQLite file, write-ahead log, every commit synced.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { catalogText } from "../catalog/catalog_text.ts";
import { errorText, ZssError } from "../protocol/errors.ts";
import { GroupCommit } from "./group_commit.ts";
import { catalogInEvent, eventThatHolds, HeldCatalogs } from "./held_catalogs.ts";
import { eventHead, HistoryIndex, type HistoryLimits } from "./history_index.ts";
import { migrate } from "./migrations.ts";
import type { EventHead, EventKind, RecordKind, RecordOf, StoredEvent } from "./records.ts";
import type { Store, Transaction } from "./store.ts";
import { isRecordKind, WorkingSet } from "./working_set.ts";

const log = getLogger(["zss", "control", "store"]);

/** Name of the file in the data folder. */
export const STORE_FILE = "zss.db";

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

/** What makes a commit wait for the disk. */
export const DURABILITY = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";

/** How a store on disk is opened. */
export interface SqliteStoreOptions {
  /** Folder of the file; made with mode 0700 when missing. */
  readonly folder: string;
  /** Makes the epoch of a new store. */
  readonly newEpoch: () => string;
  /** How much history is held. */
  readonly history?: HistoryLimits;
  /** Hears how long each commit took, in milliseconds. */
  readonly onCommitted?: (tookMs: number) => void;
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
    // Made before it is filled, so that it never stands open to others; its log takes its rights after it.
    if (!existsSync(file)) closeSync(openSync(file, "wx", 0o600));
    database = new DatabaseSync(file);
    // One server per file: the records are kept in memory too, so a second writer would work on old ones.
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 500;");
    database.exec(DURABILITY);
    database.exec(TABLES);
    migrate(database, file);
  } catch (cause) {
    if (cause instanceof ZssError) throw cause;
    const isTaken = /locked/.test(errorText(cause));
    throw new ZssError(
      "storage_error",
      `Cannot open the store "${file}": ${isTaken ? "another server uses it" : errorText(cause)}`,
      {
        hint: isTaken
          ? "stop the other server, or choose another folder with --data-dir"
          : `zss server verify --data-dir ${options.folder} says what is damaged; zss server restore puts a backup back`,
        cause,
      },
    );
  }
  return new SqliteStore(database, options);
}

class SqliteStore implements Store {
  readonly epoch: string;
  readonly #database: DatabaseSync;
  readonly #working: WorkingSet;
  readonly #commits: GroupCommit;
  readonly #index: HistoryIndex;
  readonly #held = new HeldCatalogs();

  constructor(database: DatabaseSync, options: SqliteStoreOptions) {
    this.#database = database;
    this.epoch = this.#meta("epoch", options.newEpoch);
    const range = database.prepare("SELECT min(revision) AS oldest, max(revision) AS newest FROM events").get();
    const newest = Number(this.#meta("revision", () => String(range?.["newest"] ?? 0)));
    this.#index = new HistoryIndex(options.history ?? {}, Number(range?.["oldest"] ?? newest + 1));
    this.#working = new WorkingSet(newest);
    this.#loadIndex();
    this.#loadRecords();
    this.#loadHeldCatalogs();

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
      const start = performance.now();
      const heads: EventHead[] = [];
      // Where the catalogs of this commit stand: the revision of their event, or undefined for a record or nothing.
      const catalogs = new Map<string, number | undefined>();
      let oldest: number;
      database.exec("BEGIN IMMEDIATE");
      try {
        for (const change of changes) {
          for (const write of change.writes) {
            const { kind, key, record } = write;
            const heldBy = eventThatHolds(write, change);
            if (record === undefined) remove.run(kind, key);
            else if (heldBy === undefined) put.run(kind, key, catalogText(record));
            if (kind === "catalog") {
              catalogs.delete(key);
              catalogs.set(key, heldBy);
            }
          }
          for (const event of change.events) {
            const payload = catalogText(event.payload);
            append.run(event.revision, event.kind, event.node_id, event.timestamp_ms, payload);
            heads.push(eventHead(event, payload.length));
          }
        }
        oldest = this.#index.oldestAfter(heads);
        if (heads.length > 0) setMeta.run(String(this.#working.revision), "revision");
        if (oldest > this.#index.oldest) {
          // Also those of this very commit, which may be larger than all the history that is held.
          const held = [...this.#held.olderThan(oldest).filter((nodeId) => !catalogs.has(nodeId))];
          for (const [nodeId, revision] of catalogs) if (revision !== undefined && revision < oldest) held.push(nodeId);
          for (const nodeId of held) {
            const catalog = this.#working.get("catalog", nodeId);
            if (catalog !== undefined) put.run("catalog", nodeId, catalogText(catalog));
            catalogs.set(nodeId, undefined);
          }
          trim.run(oldest);
        }
        database.exec("COMMIT");
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
      // The commit holds: from here on nothing may be taken back.
      this.#index.add(heads, oldest);
      for (const [nodeId, revision] of catalogs) {
        if (revision === undefined) this.#held.drop(nodeId);
        else this.#held.hold(nodeId, revision);
      }
      try {
        options.onCommitted?.(performance.now() - start);
      } catch (error) {
        log.error("A listener of commits failed: {error}", { error });
      }
    });
  }

  get revision(): number {
    return this.#working.revision;
  }

  get oldestRevision(): number {
    return this.#index.oldest;
  }

  get<K extends RecordKind>(kind: K, key: string): RecordOf[K] | undefined {
    return this.#working.get(kind, key);
  }

  list<K extends RecordKind>(kind: K): RecordOf[K][] {
    return this.#working.list(kind);
  }

  entries<K extends RecordKind>(kind: K): { readonly key: string; readonly record: RecordOf[K] }[] {
    return this.#working.entries(kind);
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

  headsSince(revision: number): readonly EventHead[] {
    return this.#index.since(revision);
  }

  onCommit(listener: (events: readonly StoredEvent[]) => void): () => void {
    return this.#commits.onCommit(listener);
  }

  close(): Promise<void> {
    this.#commits.close();
    if (this.#database.isOpen) this.#database.close();
    return Promise.resolve();
  }

  #meta(name: string, initial: () => string): string {
    const row = this.#database.prepare("SELECT value FROM meta WHERE name = ?").get(name);
    if (row !== undefined) return String(row["value"]);
    const value = initial();
    this.#database.prepare("INSERT INTO meta (name, value) VALUES (?, ?)").run(name, value);
    return value;
  }

  #loadIndex(): void {
    const rows = this.#database.prepare(
      "SELECT revision, kind, node_id, timestamp_ms, length(payload) AS bytes FROM events ORDER BY revision",
    );
    const heads: EventHead[] = [];
    for (const row of rows.iterate()) {
      heads.push({
        revision: Number(row["revision"]),
        kind: String(row["kind"]) as EventKind,
        node_id: String(row["node_id"]),
        timestamp_ms: Number(row["timestamp_ms"]),
        bytes: Number(row["bytes"]),
      });
    }
    this.#index.add(heads, this.#index.oldest);
  }

  #loadRecords(): void {
    for (const row of this.#database.prepare("SELECT kind, key, value FROM records ORDER BY rowid").iterate()) {
      const kind = String(row["kind"]);
      // A kind that this version does not know belongs to a newer one of the same schema; it is left alone.
      if (isRecordKind(kind)) this.#working.load(kind, String(row["key"]), JSON.parse(String(row["value"])));
    }
  }

  /** Takes the catalogs from the events that hold them. */
  #loadHeldCatalogs(): void {
    const newest = this.#database.prepare(
      `SELECT events.revision, events.node_id, events.payload FROM events
       JOIN (SELECT max(revision) AS revision FROM events GROUP BY node_id) AS newest USING (revision)
       WHERE kind <> 'deleted' ORDER BY revision`,
    );
    for (const row of newest.iterate()) {
      const [revision, nodeId] = [Number(row["revision"]), String(row["node_id"])];
      if (this.#working.get("node", nodeId) === undefined) continue;
      if ((this.#working.get("catalog", nodeId)?.revision ?? 0) >= revision) continue;
      this.#working.load("catalog", nodeId, catalogInEvent({ revision, payload: JSON.parse(String(row["payload"])) }));
      this.#held.hold(nodeId, revision);
    }
  }
}
