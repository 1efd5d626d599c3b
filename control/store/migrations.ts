/**
 * Brings the tables of an older version of zss up to date, one step at a time.
 *
 * A step is never changed once it is released: a new one is added at the end.
 * Which were applied, and when, stands in the table `migrations` of the file.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { ZssError } from "../protocol/errors.ts";

/** One step from the version before to its own. */
interface Migration {
  readonly version: number;
  readonly description: string;
  readonly sql: string;
}

/** All steps in order. Version 1 is what `CREATE TABLE` in sqlite.ts makes. */
const MIGRATIONS: readonly Migration[] = [
  {
    version: 2,
    description: "nodes know whether their lease holds",
    sql: `UPDATE records SET value = json_set(value, '$.online', json('true'), '$.offline_since_ms', NULL)
          WHERE kind = 'node' AND json_extract(value, '$.online') IS NULL`,
  },
  {
    version: 3,
    description: "a catalog may stand in the node's newest event only",
    // Nothing to change: an older zss would not look for catalogs there, so it must refuse the file.
    sql: "",
  },
  {
    version: 4,
    description: "tokens have scopes, a project, actions and an end; invites may name their node",
    sql: `UPDATE records SET value = json_set(value, '$.scopes', json('[]'), '$.project_id', NULL, '$.actions', NULL,
            '$.expires_at_ms', NULL) WHERE kind = 'token' AND json_type(value, '$.scopes') IS NULL;
          UPDATE records SET value = json_set(value, '$.node_name', NULL, '$.labels', json('{}'))
            WHERE kind = 'invite' AND json_type(value, '$.labels') IS NULL;`,
  },
];

/** Version of the tables that this program works with. */
export const SCHEMA_VERSION: number = MIGRATIONS.at(-1)?.version ?? 1;

/** Applies what is missing, each step in a transaction of its own. @throws {ZssError} `storage_error` for a newer file. */
export function migrate(database: DatabaseSync, file: string): void {
  database.exec(`CREATE TABLE IF NOT EXISTS migrations (
    version INTEGER PRIMARY KEY, description TEXT NOT NULL, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
  ) STRICT`);
  const row = database.prepare("SELECT value FROM meta WHERE name = 'schema_version'").get();
  const found = row === undefined ? 1 : Number(row["value"]);
  if (found > SCHEMA_VERSION) {
    throw new ZssError(
      "storage_error",
      `Cannot open the store "${file}": it has schema version ${found}, this zss knows ${SCHEMA_VERSION}`,
      { hint: "use the newer zss that wrote it, or another --data-dir" },
    );
  }
  if (row === undefined) database.exec("INSERT INTO meta (name, value) VALUES ('schema_version', '1')");
  const note = database.prepare("INSERT OR REPLACE INTO migrations (version, description) VALUES (?, ?)");
  const setVersion = database.prepare("UPDATE meta SET value = ? WHERE name = 'schema_version'");
  for (const { version, description, sql } of MIGRATIONS) {
    if (version <= found) continue;
    database.exec("BEGIN IMMEDIATE");
    try {
      database.exec(sql);
      note.run(version, description);
      setVersion.run(String(version));
      database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }
}
