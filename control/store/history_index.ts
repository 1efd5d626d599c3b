/**
 * What a store holds of its events in memory: enough to find and to trim them.
 *
 * Revisions have no holes, so an event is found by counting.
 *
 * @module
 */

import type { EventHead, StoredEvent } from "./records.ts";

/** So many events are held unless it is said otherwise. */
export const DEFAULT_MAX_EVENTS = 10_000;

/** How much history is held; what is older is trimmed, the newest event never is. */
export interface HistoryLimits {
  /** @default {10000} */
  readonly maxEvents?: number;
  /** Age of the oldest event behind the newest one, in milliseconds. @default {604800000} */
  readonly maxAgeMs?: number;
  /** Bytes of all payloads. @default {268435456} */
  readonly maxBytes?: number;
}

/** The heads of the events that are held. */
export class HistoryIndex {
  readonly #maxEvents: number;
  readonly #maxAgeMs: number;
  readonly #maxBytes: number;
  #heads: EventHead[] = [];
  #first = 0;
  #bytes = 0;
  /** Revision of the oldest event held; that of the next one when none is. */
  #oldest: number;

  /** @param next Revision of the first event that will be added. */
  constructor(limits: HistoryLimits, next: number) {
    this.#maxEvents = limits.maxEvents ?? DEFAULT_MAX_EVENTS;
    this.#maxAgeMs = limits.maxAgeMs ?? 604_800_000;
    this.#maxBytes = limits.maxBytes ?? 268_435_456;
    this.#oldest = next;
  }

  get oldest(): number {
    return this.#oldest;
  }

  get size(): number {
    return this.#heads.length - this.#first;
  }

  /** Bytes of the payloads that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Heads with a revision above `revision`, oldest first. */
  since(revision: number): readonly EventHead[] {
    return this.#heads.slice(this.#first + Math.max(0, revision + 1 - this.#oldest));
  }

  /** Revision of the oldest event that stays when `added` are added. */
  oldestAfter(added: readonly EventHead[]): number {
    const newest = added.at(-1) ?? this.#heads.at(-1);
    if (newest === undefined) return this.#oldest;
    let oldest = Math.max(this.#oldest, newest.revision - this.#maxEvents + 1);
    let bytes = this.#bytes + added.reduce((sum, head) => sum + head.bytes, 0);
    const at = (revision: number) => {
      const index = revision - this.#oldest;
      return index < this.size ? this.#heads[this.#first + index] : added[index - this.size];
    };
    for (let revision = this.#oldest; revision < oldest; revision++) bytes -= at(revision)?.bytes ?? 0;
    while (oldest < newest.revision) {
      const head = at(oldest);
      if (head === undefined) break;
      if (bytes <= this.#maxBytes && newest.timestamp_ms - head.timestamp_ms <= this.#maxAgeMs) break;
      bytes -= head.bytes;
      oldest++;
    }
    return oldest;
  }

  /** Adds heads, and drops those below `oldest`. */
  add(added: readonly EventHead[], oldest: number): void {
    for (const head of added) {
      this.#heads.push(head);
      this.#bytes += head.bytes;
    }
    while (this.#oldest < oldest) {
      this.#bytes -= this.#heads[this.#first]?.bytes ?? 0;
      this.#first++;
      this.#oldest++;
    }
    // Moving everything at each trim would cost as much as the whole history.
    if (this.#first > 1024 && this.#first * 2 > this.#heads.length) {
      this.#heads = this.#heads.slice(this.#first);
      this.#first = 0;
    }
  }
}

/** The head of an event whose payload has `bytes`. */
export function eventHead({ revision, kind, node_id, timestamp_ms }: StoredEvent, bytes: number): EventHead {
  return { revision, kind, node_id, timestamp_ms, bytes };
}
