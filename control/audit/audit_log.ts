/**
 * The record of who did what, as a file that is only ever added to.
 *
 * What is written is noted in the store first, with the hash of the last line,
 * then added to the file and synced. So a crash loses nothing: what the file
 * lacks is added at the next start. Nobody waits for it.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { Buffer } from "node:buffer";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorText } from "../protocol/errors.ts";
import type { AuditHead } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { type AuditEntry, type AuditLine, ChainCheck, emptyHead, nextLine } from "./chain.ts";

const log = getLogger(["zss", "control", "audit"]);

/** Name of the file in the data folder. */
export const AUDIT_FILE = "audit.ndjson";
/** So many of the newest entries are held for `audit_tail`. */
const HELD = 500;
/** Key of the one record that says where the chain ends. */
const HEAD = "head";

/** Takes entries. */
export interface AuditSink {
  /** Writes an entry; returns at once. */
  write(entry: AuditEntry): void;
  /** The newest entries, newest first. */
  tail(limit: number, agentId?: string): readonly AuditLine[];
  /** Waits until everything is written. */
  close(): Promise<void>;
}

/** A sink that forgets; for a server without a data folder. */
export function memoryAudit(): AuditSink {
  return new AuditWriter(undefined, undefined, []);
}

/** Opens the log of a data folder and adds what a crash kept from it. */
export async function openAuditLog(folder: string, store: Store): Promise<AuditSink> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, AUDIT_FILE);
  const text = await readFile(file, "utf8").catch(() => "");
  // A line that was cut off is written again from the store.
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const lines = whole.split("\n").filter((line) => line !== "").slice(-HELD).flatMap(readLine);
  const head = store.get("audit", HEAD) ?? emptyHead;
  const last = lines.at(-1)?.id ?? 0;
  const missing = head.lines.filter(({ id }) => id > last);
  if (missing.length > 0 || whole.length < text.length) {
    await rewriteEnd(file, Buffer.byteLength(whole), missing as AuditLine[]);
  }
  return new AuditWriter(file, store, [...lines, ...missing as AuditLine[]]);
}

/** Reads a whole log and says what is wrong with it. Changes nothing. */
export async function verifyAuditLog(
  folder: string,
  head: AuditHead | undefined,
): Promise<{ readonly file: string; readonly lines: number; readonly problems: readonly string[] }> {
  const file = join(folder, AUDIT_FILE);
  const check = new ChainCheck();
  const text = await readFile(file, "utf8").catch((error) => {
    if (head !== undefined) check.problems.push(`the file cannot be read: ${errorText(error)}`);
    return "";
  });
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  for (const line of whole.split("\n")) if (line !== "") check.take(line);
  check.end(head ?? emptyHead);
  return { file, lines: check.lines, problems: check.problems };
}

class AuditWriter implements AuditSink {
  readonly #file: string | undefined;
  readonly #store: Store | undefined;
  #held: AuditLine[];
  #head: Pick<AuditHead, "id" | "hash">;
  #waiting: AuditLine[] = [];
  #writing: Promise<void> | undefined;

  constructor(file: string | undefined, store: Store | undefined, held: AuditLine[]) {
    this.#file = file;
    this.#store = store;
    this.#held = held;
    this.#head = held.at(-1) ?? store?.get("audit", HEAD) ?? emptyHead;
  }

  write(entry: AuditEntry): void {
    const line = nextLine(this.#head, entry);
    this.#head = line;
    this.#held.push(line);
    if (this.#held.length > 2 * HELD) this.#held = this.#held.slice(-HELD);
    if (this.#file === undefined) return;
    this.#waiting.push(line);
    this.#writing ??= this.#drain(this.#file);
  }

  tail(limit: number, agentId?: string): readonly AuditLine[] {
    const lines = this.#held.filter(({ agent_id }) => agentId === undefined || agent_id === agentId);
    return lines.slice(-Math.min(limit, HELD)).reverse();
  }

  async close(): Promise<void> {
    await this.#writing;
  }

  async #drain(file: string): Promise<void> {
    // Those of one turn of the event loop go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const lines = [...this.#waiting];
      const last = lines.at(-1);
      if (last === undefined) break;
      try {
        await this.#store?.transact((tx) => tx.put("audit", HEAD, { id: last.id, hash: last.hash, lines }));
        await append(file, lines);
        this.#waiting.splice(0, lines.length);
      } catch (error) {
        // They wait for the next entry, or for the next start.
        log.error("The audit log could not be written: {error}", { error });
        break;
      }
    }
    this.#writing = undefined;
  }
}

async function append(file: string, lines: readonly AuditLine[]): Promise<void> {
  const handle = await open(file, "a", 0o600);
  try {
    await handle.appendFile(textOf(lines));
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

async function rewriteEnd(file: string, length: number, lines: readonly AuditLine[]): Promise<void> {
  const handle = await open(file, "a", 0o600);
  try {
    await handle.truncate(length);
    await handle.appendFile(textOf(lines));
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

function textOf(lines: readonly AuditLine[]): string {
  return lines.map((line) => JSON.stringify(line) + "\n").join("");
}

function readLine(text: string): AuditLine[] {
  try {
    return [JSON.parse(text) as AuditLine];
  } catch {
    return [];
  }
}
