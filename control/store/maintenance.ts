/**
 * Looks after the file of a store while no server uses it: verify, back up,
 * restore, compact.
 *
 * @module
 */

import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { errorText, ZssError } from "../protocol/errors.ts";
import type { AuditHead } from "./records.ts";
import { SCHEMA_VERSION } from "./migrations.ts";
import { STORE_FILE } from "./sqlite.ts";

/** What was found in the file of a store. */
export interface StoreReport {
  readonly file: string;
  /** What is wrong, a sentence each; empty for a sound file. */
  readonly problems: readonly string[];
  readonly schema_version: number;
  readonly epoch: string;
  readonly revision: number;
  readonly records: number;
  readonly events: number;
  readonly bytes: number;
}

/**
 * Reads a whole store and says what is wrong with it. Changes nothing.
 *
 * @throws {ZssError} `storage_error` when there is no file, or a server uses it.
 */
export function verifyStore(folder: string): StoreReport {
  return verifyFile(join(folder, STORE_FILE));
}

function verifyFile(file: string): StoreReport {
  if (!existsSync(file)) throw missing(file);
  const problems: string[] = [];
  const bytes = statSync(file).size;
  const report = { file, problems, schema_version: 0, epoch: "", revision: 0, records: 0, events: 0, bytes };
  const database = openFile(file);
  try {
    for (const row of database.prepare("PRAGMA integrity_check(20)").all()) {
      if (row["integrity_check"] !== "ok") problems.push(String(row["integrity_check"]));
    }
    const meta = new Map(
      database.prepare("SELECT name, value FROM meta").all().map((row) => [String(row["name"]), String(row["value"])]),
    );
    report.schema_version = Number(meta.get("schema_version") ?? 0);
    report.epoch = meta.get("epoch") ?? "";
    report.revision = Number(meta.get("revision") ?? 0);
    if (report.schema_version > SCHEMA_VERSION) {
      problems.push(`it has schema version ${report.schema_version}, this zss knows ${SCHEMA_VERSION}`);
    }
    if (report.epoch === "") problems.push("it names no epoch");
    for (const row of database.prepare("SELECT kind, key, value FROM records").iterate()) {
      report.records++;
      if (!isJson(String(row["value"]))) problems.push(`record ${row["kind"]} "${row["key"]}" is not readable`);
    }
    let before: number | undefined;
    for (const row of database.prepare("SELECT revision, payload FROM events ORDER BY revision").iterate()) {
      report.events++;
      const revision = Number(row["revision"]);
      if (before !== undefined && revision !== before + 1) {
        problems.push(`events ${before + 1} to ${revision - 1} are missing`);
      }
      if (!isJson(String(row["payload"]))) problems.push(`event ${revision} is not readable`);
      before = revision;
    }
    const without = database.prepare(
      `SELECT key FROM records AS node WHERE kind = 'node'
         AND NOT EXISTS (SELECT 1 FROM records WHERE kind = 'catalog' AND key = node.key)
         AND NOT EXISTS (SELECT 1 FROM events WHERE node_id = node.key) LIMIT 20`,
    );
    for (const row of without.all()) problems.push(`node "${row["key"]}" has no catalog`);
    if (before !== undefined && before !== report.revision) {
      problems.push(`the newest event has revision ${before}, revision ${report.revision} was given out`);
    }
  } catch (error) {
    problems.push(errorText(error));
  } finally {
    database.close();
  }
  return report;
}

/**
 * Where the audit log of a data folder ends; `undefined` when nothing was written yet.
 *
 * @throws {ZssError} `storage_error` when there is no store, or a server uses it.
 */
export function auditHeadOf(folder: string): AuditHead | undefined {
  const file = join(folder, STORE_FILE);
  if (!existsSync(file)) throw missing(file);
  const database = openFile(file);
  try {
    const row = database.prepare("SELECT value FROM records WHERE kind = 'audit' AND key = 'head'").get();
    return row === undefined ? undefined : JSON.parse(String(row["value"])) as AuditHead;
  } finally {
    database.close();
  }
}

/**
 * Copies a store into one file, which must not be there yet.
 *
 * @throws {ZssError} `storage_error` when it cannot be read, or is damaged.
 */
export function backupStore(folder: string, target: string): StoreReport {
  const report = verifyStore(folder);
  refuseDamaged(report, "back up");
  if (existsSync(target)) {
    throw new ZssError("storage_error", `Cannot write the backup "${target}": it is there already`, {
      hint: "name another file; a backup is never replaced",
    });
  }
  try {
    if (!existsSync(dirname(target))) throw new Error(`Folder "${dirname(target)}" is not there`);
    const database = openFile(report.file);
    try {
      // Made before it is filled, so that it never stands open to others.
      closeSync(openSync(target, "wx", 0o600));
      database.prepare("VACUUM INTO ?").run(target);
    } finally {
      database.close();
    }
  } catch (cause) {
    throw new ZssError("storage_error", `Cannot write the backup "${target}": ${errorText(cause)}`, { cause });
  }
  return verifyFile(target);
}

/**
 * Puts a backup in the place of a store. What was there is kept beside it.
 *
 * The restored store has a new epoch: watchers that were further than the
 * backup are told so, and take the state anew.
 *
 * @param stamp Goes into the name under which the store that was there is kept.
 */
export function restoreStore(folder: string, backup: string, newEpoch: string, stamp: number): StoreReport {
  refuseDamaged(verifyFile(backup), "restore");
  const file = join(folder, STORE_FILE);
  // Held open, a server would go on with what it has in memory.
  if (existsSync(file)) openFile(file).close();
  const fresh = `${file}.restore`;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    copyFileSync(backup, fresh);
    const database = openFile(fresh);
    try {
      database.prepare("UPDATE meta SET value = ? WHERE name = 'epoch'").run(newEpoch);
      database.exec("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;");
    } finally {
      database.close();
    }
    syncFile(fresh);
    for (const end of ["-wal", "-shm", ""]) {
      if (existsSync(file + end)) renameSync(file + end, `${file}.before-${stamp}${end}`);
    }
    renameSync(fresh, file);
    syncFile(folder);
  } catch (cause) {
    rmSync(fresh, { force: true });
    throw new ZssError("storage_error", `Cannot restore "${backup}": ${errorText(cause)}`, {
      hint: "the store that was there is unchanged, or stands beside it as .before-<time>",
      cause,
    });
  }
  return verifyFile(file);
}

/** Gives space that is no longer used back to the system. Returns the bytes before and after. */
export function compactStore(folder: string): { readonly before: number; readonly after: number } {
  const file = join(folder, STORE_FILE);
  if (!existsSync(file)) throw missing(file);
  const before = statSync(file).size;
  const database = openFile(file);
  try {
    database.exec("PRAGMA wal_checkpoint(TRUNCATE); VACUUM; PRAGMA wal_checkpoint(TRUNCATE);");
  } catch (cause) {
    throw new ZssError("storage_error", `Cannot compact "${file}": ${errorText(cause)}`, { cause });
  } finally {
    database.close();
  }
  return { before, after: statSync(file).size };
}

/** Waits until a file, or what a folder lists, is on the disk. Windows knows no such thing for folders. */
function syncFile(path: string): void {
  try {
    const handle = openSync(path, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    if (statSync(path).isFile()) throw error;
  }
}

function openFile(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    database.exec("PRAGMA busy_timeout = 500");
    database.prepare("SELECT count(*) FROM sqlite_master").get();
    return database;
  } catch (cause) {
    database?.close();
    const isTaken = /locked/.test(errorText(cause));
    throw new ZssError(
      "storage_error",
      `Cannot open the store "${file}": ${isTaken ? "a server uses it" : errorText(cause)}`,
      {
        hint: isTaken ? "stop the server first" : "zss server restore puts a backup in its place",
        ...(isTaken ? { data: { in_use: true } } : {}),
        cause,
      },
    );
  }
}

function refuseDamaged(report: StoreReport, action: string): void {
  const [problem] = report.problems;
  if (problem === undefined) return;
  throw new ZssError("storage_error", `Cannot ${action} "${report.file}": ${problem}`, {
    hint: "zss server verify lists everything that is wrong with a store",
  });
}

function missing(file: string): ZssError {
  return new ZssError("storage_error", `Cannot open the store "${file}": it is not there`, {
    hint: "name the server's folder with --data-dir",
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
