/**
 * Reads the events of the catalog as a file: lines of JSON, the oldest first,
 * that grows at the end.
 *
 * An admin reads everything that is held. Everybody else reads from the moment
 * on in which they began, and of each event what it changed in what they see.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { DeltaEntry } from "../catalog/delta.ts";
import { entriesOf, scopedPayload } from "../events/hub.ts";
import { type CatalogPayload, type Viewer, visiblePart } from "../policy/visibility.ts";
import { stringifyJson } from "../protocol/json.ts";
import { ZssError } from "../protocol/errors.ts";
import type { StoredEvent } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { Turns } from "./turns.ts";

/** So many events are read from the store at once. */
const PAGE = 64;

/** What a stream is read from, and by whom. */
export interface EventReaderOptions {
  readonly store: Pick<Store, "epoch" | "revision" | "oldestRevision" | "readSince" | "onCommit">;
  /** The node whose events are wanted; `undefined` for all. */
  readonly nodeId: string | undefined;
  /** Who reads, as things stand now. */
  readonly look: () => Viewer;
  /** The nodes that the viewer sees now, as payloads of their catalogs. */
  readonly visible: () => readonly CatalogPayload[];
}

/** A part of a stream. */
export interface StreamPart {
  readonly bytes: Uint8Array;
  /** Whether nothing more is there at this moment. */
  readonly eof: boolean;
}

/** One reader's place in a stream. */
export class EventReader {
  readonly #options: EventReaderOptions;
  readonly #isScoped: boolean;
  readonly #turns = new Turns();
  /** Where in the stream the kept bytes begin. */
  #start = 0;
  #kept: Uint8Array = new Uint8Array(0);
  #revision = 0;
  #shown = new Map<string, readonly DeltaEntry[]>();
  #hasBegun = false;

  constructor(options: EventReaderOptions) {
    this.#options = options;
    this.#isScoped = options.look().actor.role !== "admin";
  }

  /**
   * Reads on. A stream is read in order: at 0 it begins anew, else where the last read ended.
   *
   * @param follow Waits at the end until there is more, or `signal` fires.
   * @throws {ZssError} `invalid` for another offset, `history_gone` when events were lost in between.
   */
  read(offset: number, count: number, follow: boolean, signal: AbortSignal): Promise<StreamPart> {
    return this.#turns.alone(async () => {
      this.#seek(offset);
      for (;;) {
        await this.#fill(count);
        if (this.#kept.length > 0 || count === 0 || !follow || signal.aborted) break;
        await this.#more(signal);
      }
      const bytes = this.#kept.subarray(0, count);
      return { bytes, eof: bytes.length === this.#kept.length && this.#revision >= this.#options.store.revision };
    });
  }

  #seek(offset: number): void {
    if (offset === 0 && (this.#start > 0 || !this.#hasBegun)) return this.#begin();
    const skip = offset - this.#start;
    if (skip < 0 || skip > this.#kept.length) {
      throw new ZssError(
        "invalid",
        `Cannot read at ${offset}: a stream is read in order, it goes on at ${this.#start}`,
        {
          path: "/offset",
          hint: "read on where the last read ended, or begin anew at 0",
        },
      );
    }
    this.#kept = this.#kept.subarray(skip);
    this.#start = offset;
  }

  #begin(): void {
    const { store, visible } = this.#options;
    this.#hasBegun = true;
    this.#start = 0;
    this.#kept = new Uint8Array(0);
    this.#revision = this.#isScoped ? store.revision : Math.max(0, store.oldestRevision - 1);
    this.#shown = new Map(
      this.#isScoped ? visible().map((payload) => [String(payload["node_id"]), entriesOf(payload)] as const) : [],
    );
  }

  async #fill(count: number): Promise<void> {
    const { store } = this.#options;
    const parts: Uint8Array[] = [this.#kept];
    let length = this.#kept.length;
    for (let page = 0; length < count && this.#revision < store.revision; page++) {
      // Who sees little of a long history reads through much of it: others have their turn meanwhile.
      if (page > 0) await new Promise<void>((resolve) => setImmediate(resolve));
      if (this.#revision + 1 < store.oldestRevision) {
        throw new ZssError("history_gone", "Cannot read on: events were trimmed that had not been read yet", {
          hint: "begin anew at 0",
          data: { oldest_revision: store.oldestRevision, revision: store.revision, epoch: store.epoch },
        });
      }
      for (const event of store.readSince(this.#revision, PAGE)) {
        this.#revision = event.revision;
        const line = this.#line(event);
        if (line === undefined) continue;
        parts.push(line);
        length += line.length;
      }
    }
    if (parts.length === 1) return;
    this.#kept = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      this.#kept.set(part, at);
      at += part.length;
    }
  }

  #line(event: StoredEvent): Uint8Array | undefined {
    const { nodeId, store, look } = this.#options;
    if (nodeId !== undefined && event.node_id !== nodeId) return undefined;
    const payload = this.#isScoped
      ? scopedPayload({ shown: this.#shown }, { key: () => "", show: (one) => visiblePart(look(), one) }, event)
      : event.payload;
    if (payload === undefined) return undefined;
    const { revision, kind, timestamp_ms } = event;
    const line = { ...payload, event: { epoch: store.epoch, revision, kind, timestamp_ms } };
    return new TextEncoder().encode(`${stringifyJson(line)}\n`);
  }

  /** Waits for the next commit with events. */
  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        stop();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const stop = this.#options.store.onCommit(done);
      signal.addEventListener("abort", done);
    });
  }
}
