/**
 * What changed between two catalogs of one node.
 *
 * A node publishes the whole list of its services each time; watchers want only
 * the difference. This module computes that difference. It is pure: the caller
 * supplies the time, the hashes are already on the entries, and nothing here
 * reads storage or sends a frame (see `control/events` for that).
 *
 * Two entries are equal when their hashes are equal. The order in which a node
 * lists its services therefore never shows up as a change.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { diffCatalogs } from "./delta.ts";
 *
 * const held = [{ service_id: "fs", version: "1", hash: "a1" }];
 * const published = [{ service_id: "fs", version: "2", hash: "b2" }];
 *
 * const delta = diffCatalogs(held, published, 1_700_000_000_000);
 * assert.equal(delta.updated[0]?.previous_version, "1");
 * ```
 *
 * Source: seed 001, Phase 7 (`service_delta`); wire shape in docs/protocol.md.
 *
 * @module
 */

import type { FieldChange } from "./changes.ts";

/** What a delta says about a service. */
export interface DeltaEntry {
  readonly service_id: string;
  readonly version: string;
  /** Digest of the entry; of a removed service the last known one. */
  readonly hash: string;
}

/** What a delta says about a service whose content changed. */
export interface UpdatedEntry extends DeltaEntry {
  readonly previous_version: string;
  readonly previous_hash: string;
  /** Each leaf that changed; absent where only the digests are known. */
  readonly changes?: readonly FieldChange[];
}

/** The difference between two catalogs, in wire form. */
export interface ServiceDelta {
  readonly changed: boolean;
  readonly timestamp_ms: number;
  readonly added: readonly DeltaEntry[];
  readonly updated: readonly UpdatedEntry[];
  readonly removed: readonly DeltaEntry[];
}

/**
 * Lists the services added, updated and removed between two catalogs.
 *
 * Every list is sorted by `service_id` in code-unit order, so equal inputs give
 * byte-equal deltas on every platform. Takes O(n log n) time for n entries.
 *
 * @param held Entries the server holds for the node; empty on first contact.
 * @param published Entries the node just sent, in any order.
 * @param timestampMs When they arrived, in milliseconds since the Unix epoch.
 * @returns The delta; `changed` is false exactly when all three lists are empty.
 * @throws {RangeError} If one `service_id` occurs twice in either catalog.
 */
export function diffCatalogs(
  held: readonly DeltaEntry[],
  published: readonly DeltaEntry[],
  timestampMs: number,
): ServiceDelta {
  const before = byId(held);
  const after = byId(published);
  const added: DeltaEntry[] = [];
  const updated: UpdatedEntry[] = [];
  const removed: DeltaEntry[] = [];
  for (const entry of after.values()) {
    const previous = before.get(entry.service_id);
    if (previous === undefined) added.push(deltaEntry(entry));
    else if (previous.hash !== entry.hash) {
      updated.push({ ...deltaEntry(entry), previous_version: previous.version, previous_hash: previous.hash });
    }
  }
  for (const entry of before.values()) {
    if (!after.has(entry.service_id)) removed.push(deltaEntry(entry));
  }
  return {
    changed: added.length + updated.length + removed.length > 0,
    timestamp_ms: timestampMs,
    added: added.sort(compareIds),
    updated: updated.sort(compareIds),
    removed: removed.sort(compareIds),
  };
}

function byId(entries: readonly DeltaEntry[]): Map<string, DeltaEntry> {
  const map = new Map<string, DeltaEntry>();
  for (const entry of entries) {
    if (map.has(entry.service_id)) throw new RangeError(`Catalog holds service_id "${entry.service_id}" twice`);
    map.set(entry.service_id, entry);
  }
  return map;
}

function deltaEntry({ service_id, version, hash }: DeltaEntry): DeltaEntry {
  return { service_id, version, hash };
}

function compareIds(a: DeltaEntry, b: DeltaEntry): number {
  return a.service_id < b.service_id ? -1 : a.service_id > b.service_id ? 1 : 0;
}
