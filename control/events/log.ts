/**
 * Every event as a line of a file, for people and for other programs.
 *
 * The store is the truth; the log is written behind it and never holds anybody
 * up. What a crash kept from it is written at the next start. A log that has
 * grown too large is renamed, compressed in the background, and the oldest of
 * those archives are removed.
 *
 * A line: `{"timestamp_ms","node_id","payload_json","revision","kind","epoch"}`;
 * the payload is a text, as in the reference.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { createReadStream, createWriteStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { catalogText } from "../catalog/catalog_text.ts";
import type { StoredEvent } from "../store/records.ts";
import type { Store } from "../store/store.ts";

const log = getLogger(["zss", "control", "event-log"]);

/** Name of the log in its folder. */
export const EVENT_LOG_FILE = "node-service-events.ndjson";

/** Says up to which revision events have been put away. */
const POSITION_FILE = "node-service-events.position";

const ARCHIVE = /^node-service-events-(\d+)(?:-\d+)?\.ndjson(?:\.gz)?$/;
/** So much of the end of the log is read at once to find its last line, in bytes. */
const TAIL_BYTES = 262_144;
const CATCH_UP_PAGE = 256;
/** Compression is work of this process: the quickest level makes JSON nearly as small as the slowest. */
const ARCHIVE_LEVEL = 1;

/** Settings of a log. */
export interface EventLogOptions {
  readonly folder: string;
  /** Size above which the log is put away, in bytes; 0 for never. */
  readonly rotateMaxBytes: number;
  /** How many archives are kept; 0 for all. */
  readonly archiveKeep: number;
}

/** A log that is written to. */
export interface EventLog {
  /** Takes events in their order; returns at once. */
  append(events: readonly StoredEvent[]): void;
  /** Waits until what was taken so far is written. */
  flushed(): Promise<void>;
  /** Waits until everything is written. */
  close(): Promise<void>;
}

/** Opens a log and writes what it lacks of the store's history. */
export async function openEventLog(
  options: EventLogOptions,
  store: Pick<Store, "epoch" | "revision" | "readSince">,
  now: () => number = Date.now,
): Promise<EventLog> {
  const writer = new LogWriter(options, store.epoch, now);
  await mkdir(options.folder, { recursive: true });
  const position = await readFile(join(options.folder, POSITION_FILE), "utf8").catch(() => "");
  const archived = revisionIn(position.trim(), store.epoch) ?? 0;
  let revision = Math.max(archived, await lastRevision(join(options.folder, EVENT_LOG_FILE), store.epoch));
  while (revision < store.revision) {
    const page = store.readSince(revision, CATCH_UP_PAGE);
    const last = page.at(-1);
    if (last === undefined) break;
    const [first] = page;
    if (revision > 0 && first !== undefined && first.revision > revision + 1) {
      log.warn("The event log lacks events {from} to {to}: the store no longer holds them", {
        from: revision + 1,
        to: first.revision - 1,
      });
    }
    await writer.write(page);
    revision = last.revision;
  }
  return writer;
}

class LogWriter implements EventLog {
  readonly #options: EventLogOptions;
  readonly #epoch: string;
  readonly #now: () => number;
  readonly #file: string;
  /** The log, open between two writes; its size is counted along. */
  #handle: FileHandle | undefined;
  #size = 0;
  #isBroken = false;
  #waiting: StoredEvent[] = [];
  #writing: Promise<void> | undefined;
  #archiving: Promise<void> = Promise.resolve();

  constructor(options: EventLogOptions, epoch: string, now: () => number) {
    this.#options = options;
    this.#epoch = epoch;
    this.#now = now;
    this.#file = join(options.folder, EVENT_LOG_FILE);
  }

  append(events: readonly StoredEvent[]): void {
    if (this.#isBroken) return;
    this.#waiting.push(...events);
    this.#writing ??= this.#drain();
  }

  async flushed(): Promise<void> {
    await this.#writing;
  }

  async close(): Promise<void> {
    await this.flushed();
    await this.#letGo();
    await this.#archiving;
  }

  async #begin(): Promise<FileHandle> {
    const handle = await open(this.#file, "a", 0o600);
    this.#size = (await handle.stat()).size;
    return handle;
  }

  async #letGo(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  /** Writes events as one piece, then looks whether the log has grown too large. */
  async write(events: readonly StoredEvent[]): Promise<void> {
    this.#handle ??= await this.#begin();
    const bytes = new TextEncoder().encode(events.map((event) => this.#line(event)).join(""));
    await this.#handle.appendFile(bytes);
    this.#size += bytes.length;
    const { rotateMaxBytes } = this.#options;
    if (rotateMaxBytes > 0 && this.#size > rotateMaxBytes) await this.#rotate(events.at(-1)?.revision ?? 0);
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      try {
        await this.write(this.#waiting.splice(0, CATCH_UP_PAGE));
      } catch (error) {
        // Nothing more is written, so that the log has no gap in the middle: the next start goes on behind its last line.
        log.error("The event log could not be written and stays as it is until the next start: {error}", { error });
        this.#isBroken = true;
        this.#waiting = [];
      }
    }
    this.#writing = undefined;
  }

  #line({ timestamp_ms, node_id, payload, revision, kind }: StoredEvent): string {
    const epoch = this.#epoch;
    return JSON.stringify({ timestamp_ms, node_id, payload_json: catalogText(payload), revision, kind, epoch }) +
      "\n";
  }

  /** @param revision Of the last event in the log; kept beside it, since the new log has none to tell. */
  async #rotate(revision: number): Promise<void> {
    const { folder } = this.#options;
    await writeFile(join(folder, POSITION_FILE), JSON.stringify({ epoch: this.#epoch, revision }) + "\n", {
      mode: 0o600,
    });
    const taken = new Set(await readdir(folder));
    const stem = `node-service-events-${this.#now()}`;
    const isTaken = (name: string) => taken.has(`${name}.ndjson`) || taken.has(`${name}.ndjson.gz`);
    let name = stem;
    for (let more = 1; isTaken(name); more++) name = `${stem}-${more}`;
    const archive = join(folder, `${name}.ndjson`);
    await this.#letGo();
    await rename(this.#file, archive);
    // Whoever reads the log finds one, also before the next event.
    this.#handle = await this.#begin();
    this.#archiving = this.#archiving.then(() => this.#archive(archive)).catch((error) => {
      log.error("An archive of the event log could not be compressed: {error}", { error });
    });
  }

  async #archive(file: string): Promise<void> {
    const part = `${file}.gz.part`;
    await pipeline(
      createReadStream(file),
      createGzip({ level: ARCHIVE_LEVEL }),
      createWriteStream(part, { mode: 0o600 }),
    );
    await rename(part, `${file}.gz`);
    await rm(file);
    const { folder, archiveKeep } = this.#options;
    if (archiveKeep === 0) return;
    const archives = (await readdir(folder)).filter((name) => ARCHIVE.test(name))
      .sort((one, other) => timeOf(one) - timeOf(other) || (one < other ? -1 : 1));
    for (const name of archives.slice(0, Math.max(0, archives.length - archiveKeep))) await rm(join(folder, name));
  }
}

function timeOf(name: string): number {
  return Number(ARCHIVE.exec(name)?.[1] ?? 0);
}

/** Revision of the last whole line of this epoch; 0 when there is none. A line that a crash cut off is taken away. */
async function lastRevision(file: string, epoch: string): Promise<number> {
  let handle;
  try {
    handle = await open(file, "r+");
  } catch {
    return 0;
  }
  try {
    let end = (await handle.stat()).size;
    const whole = await lineStart(handle, end);
    if (whole < end) await handle.truncate(whole);
    // From the end backwards, whatever the length of a line.
    for (end = whole; end > 0;) {
      const start = await lineStart(handle, end - 1);
      const { buffer } = await handle.read(new Uint8Array(end - start), 0, end - start, start);
      const found = revisionIn(new TextDecoder().decode(buffer), epoch);
      if (found !== undefined) return found;
      end = start;
    }
    return 0;
  } finally {
    await handle.close();
  }
}

/** Where the line begins that a byte stands in or ends: behind the newline before it. */
async function lineStart(handle: FileHandle, before: number): Promise<number> {
  for (let end = before; end > 0;) {
    const from = Math.max(0, end - TAIL_BYTES);
    const { buffer } = await handle.read(new Uint8Array(end - from), 0, end - from, from);
    const newline = buffer.lastIndexOf(0x0a);
    if (newline >= 0) return from + newline + 1;
    end = from;
  }
  return 0;
}

function revisionIn(line: string, epoch: string): number | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || !("epoch" in value) || value.epoch !== epoch) return undefined;
    return "revision" in value && typeof value.revision === "number" ? value.revision : undefined;
  } catch {
    return undefined;
  }
}
