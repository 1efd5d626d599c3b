/**
 * The record of who did what, as a file that is only ever added to.
 *
 * What is written is noted in the store first, with the hash of the last line,
 * then added to the file and synced: what a crash kept from the file is added
 * at the next start. Nobody waits for it. What comes often, each permitted
 * invoke of a service, is gathered for a moment first, and a crash loses it.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { Buffer } from "node:buffer";
import { createReadStream } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { CancelTimer, Clock } from "../../drivers/process/clock.ts";
import { errorText } from "../protocol/errors.ts";
import type { AuditHead } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { type AuditEntry, type AuditLine, ChainCheck, emptyHead, nextLine, type Place } from "./chain.ts";

const log = getLogger(["zss", "control", "audit"]);

/** Name of the file in the data folder. */
export const AUDIT_FILE = "audit.ndjson";
/** So many of the newest entries are held for `audit_tail`. */
const HELD = 500;
/** Key of the one record that says where the chain ends. */
const HEAD = "head";
/**
 * How long entries that may are gathered, in milliseconds.
 *
 * A commit stops the server for most of a millisecond, and each invoke has an entry: one at a time, every second
 * invoke would wait for that of the one before.
 */
const GATHER_MS = 20;

/** Takes entries. */
export interface AuditSink {
  /** Writes an entry; returns at once. What comes often is gathered with what follows: a crash may lose the last of it. */
  write(entry: AuditEntry): void;
  /** The newest entries, newest first. */
  tail(limit: number, agentId?: string): readonly AuditLine[];
  /** Waits until everything is written. */
  close(): Promise<void>;
}

/**
 * Opens the log of a data folder and adds what a crash kept from it.
 *
 * @throws What reading the file throws, but for a file that is not there.
 */
export async function openAuditLog(folder: string, store: Store, clock: Clock): Promise<AuditSink> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, AUDIT_FILE);
  const { text, start, size } = await endOf(file);
  // A line that was cut off is written again from the store.
  const whole = text.lastIndexOf("\n") + 1;
  const lines = new TextDecoder().decode(text.subarray(0, whole)).split("\n").filter((line) => line !== "")
    .slice(start === 0 ? 0 : 1).slice(-HELD).flatMap(readLine);
  const head = store.get("audit", HEAD) ?? emptyHead;
  const last = lines.at(-1);
  const missing = head.lines.filter(({ id }) => id > (last?.id ?? 0)) as AuditLine[];
  if (missing.length > 0 || start + whole < size) await rewriteEnd(file, start + whole, missing);
  const end = missing.at(-1) ?? last;
  if ((end?.id ?? 0) !== head.id || (end?.hash ?? emptyHead.hash) !== head.hash) {
    log.error("The audit log {file} does not end with what was written last: zss server audit verify says more", {
      file,
    });
  }
  return new AuditWriter(file, store, clock, [...lines, ...missing]);
}

/** So much of the end of the file is read when it is opened, in bytes. */
const END_BYTES = 4_194_304;

async function endOf(file: string): Promise<{ readonly text: Buffer; readonly start: number; readonly size: number }> {
  let handle;
  try {
    handle = await open(file, "r");
  } catch (error) {
    if (isMissing(error)) return { text: Buffer.alloc(0), start: 0, size: 0 };
    throw error;
  }
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - END_BYTES);
    const text = Buffer.alloc(size - start);
    await handle.read(text, 0, text.length, start);
    return { text, start, size };
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** Reads a whole log and says what is wrong with it. Changes nothing. */
export async function verifyAuditLog(
  folder: string,
  head: AuditHead | undefined,
): Promise<{ readonly file: string; readonly lines: number; readonly problems: readonly string[] }> {
  const file = join(folder, AUDIT_FILE);
  const check = new ChainCheck();
  try {
    for await (const { text } of linesOf(file)) check.take(text);
  } catch (error) {
    if (head !== undefined || !isMissing(error)) check.problems.push(`the file cannot be read: ${errorText(error)}`);
  }
  check.end(head ?? emptyHead);
  return { file, lines: check.lines, problems: check.problems };
}

/**
 * The same for a log that a server adds to meanwhile: up to the last whole line, for the one behind it may be half
 * written. Nothing but the server knows how far the log must go.
 *
 * @param newest The newest entry of the server, asked for before; `undefined` leaves open whether the end is there.
 * @returns `isBehind` when that entry has not been written yet, which may take a moment.
 */
export async function verifyGrowingAuditLog(
  folder: string,
  newest: Place | undefined,
): Promise<
  { readonly file: string; readonly lines: number; readonly problems: readonly string[]; readonly isBehind: boolean }
> {
  const file = join(folder, AUDIT_FILE);
  const check = new ChainCheck(newest);
  try {
    for await (const { text, isWhole } of linesOf(file)) if (isWhole) check.take(text);
  } catch (error) {
    if (newest !== undefined || !isMissing(error)) check.problems.push(`the file cannot be read: ${errorText(error)}`);
  }
  check.endGrowing();
  return { file, lines: check.lines, problems: check.problems, isBehind: check.isBehind };
}

/** The lines of a file that are not empty; what stands behind the last line end is no whole one. */
async function* linesOf(file: string): AsyncGenerator<{ readonly text: string; readonly isWhole: boolean }, void> {
  let rest = "";
  for await (const piece of createReadStream(file, "utf8")) {
    const texts = (rest + String(piece)).split("\n");
    rest = texts.pop() ?? "";
    for (const text of texts) if (text !== "") yield { text, isWhole: true };
  }
  if (rest !== "") yield { text: rest, isWhole: false };
}

class AuditWriter implements AuditSink {
  readonly #file: string;
  readonly #store: Store;
  readonly #clock: Clock;
  #held: AuditLine[];
  #head: Pick<AuditHead, "id" | "hash">;
  #waiting: AuditLine[] = [];
  /** Whether some of what waits may wait no longer. */
  #isUrgent = false;
  #writing: Promise<void> | undefined;
  #cancelGathering: CancelTimer | undefined;

  constructor(file: string, store: Store, clock: Clock, held: AuditLine[]) {
    this.#file = file;
    this.#store = store;
    this.#clock = clock;
    this.#held = held;
    // The store and not the file says where the chain ends: a file that was changed must not be gone on from.
    this.#head = store.get("audit", HEAD) ?? held.at(-1) ?? emptyHead;
  }

  write(entry: AuditEntry): void {
    const line = nextLine(this.#head, entry);
    this.#head = line;
    this.#held.push(line);
    if (this.#held.length > 2 * HELD) this.#held = this.#held.slice(-HELD);
    this.#waiting.push(line);
    if (comesOften(entry)) this.#gather();
    else this.#hurry();
  }

  tail(limit: number, agentId?: string): readonly AuditLine[] {
    const lines = this.#held.filter(({ agent_id }) => agentId === undefined || agent_id === agentId);
    return lines.slice(-Math.min(limit, HELD)).reverse();
  }

  async close(): Promise<void> {
    if (this.#waiting.length > 0) this.#hurry();
    await this.#writing;
    // Once more what failed.
    if (this.#waiting.length > 0) this.#hurry();
    await this.#writing;
  }

  #gather(): void {
    this.#cancelGathering ??= this.#clock.after(GATHER_MS, () => this.#hurry());
  }

  #hurry(): void {
    this.#cancelGathering?.();
    this.#cancelGathering = undefined;
    this.#isUrgent = true;
    this.#writing ??= this.#drain();
  }

  async #drain(): Promise<void> {
    // Those of one turn of the event loop go together.
    await Promise.resolve();
    while (this.#isUrgent) {
      this.#isUrgent = false;
      const lines = [...this.#waiting];
      const last = lines.at(-1);
      if (last === undefined) break;
      try {
        await this.#store.transact((tx) => tx.put("audit", HEAD, { id: last.id, hash: last.hash, lines }));
        await append(this.#file, lines);
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

/** Invokes that were permitted, whatever became of them; who is refused is written down at once. */
function comesOften({ control_type, result, error_code }: AuditEntry): boolean {
  return control_type === "invoke" && (result === "ok" || error_code === "driver_failed");
}

async function append(file: string, lines: readonly AuditLine[]): Promise<void> {
  const handle = await open(file, "a", 0o600);
  const { size } = await handle.stat();
  try {
    await handle.appendFile(textOf(lines));
    await handle.datasync();
  } catch (error) {
    // What was written of it is written again, so it must not stay.
    await handle.truncate(size).catch(() => {});
    throw error;
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
