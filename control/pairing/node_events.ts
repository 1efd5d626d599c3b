/**
 * Events about nodes: what they carry, and how they are written.
 *
 * @module
 */

import type { ServiceDelta } from "../catalog/delta.ts";
import { deltaEntry } from "../catalog/digest.ts";
import { type Catalog, emptyCatalog } from "../catalog/upsert.ts";
import type { EventKind, NodeRecord } from "../store/records.ts";
import type { RecordReader, Transaction } from "../store/store.ts";

/** The catalog that the store holds for a node. */
export function catalogOf(reader: RecordReader, nodeId: string): Catalog & { readonly revision: number } {
  return reader.get("catalog", nodeId) ?? { ...emptyCatalog, revision: 0 };
}

/** Payload of `node_service_get`, of events and, with a delta, of `node_service_upsert`. */
export function catalogPayload(
  node: Pick<NodeRecord, "node_id" | "node_name">,
  catalog: Catalog,
): Record<string, unknown> {
  return {
    node_id: node.node_id,
    node_name: node.node_name,
    platform: catalog.platform,
    labels: catalog.labels,
    services: catalog.services,
  };
}

/** A delta that says that no service changed. */
export function noDelta(now: number): ServiceDelta {
  return { changed: false, timestamp_ms: now, added: [], updated: [], removed: [] };
}

/** Writes an event about a node whose catalog stays as it is. Returns its revision. */
export function appendNodeEvent(tx: Transaction, kind: EventKind, node: NodeRecord, now: number): number {
  const catalog = catalogOf(tx, node.node_id);
  const payload = { ...catalogPayload(node, catalog), service_delta: noDelta(now) };
  const revision = tx.append({ kind, node_id: node.node_id, timestamp_ms: now, payload });
  tx.put("catalog", node.node_id, { ...catalog, revision });
  return revision;
}

/** Removes a node with everything that is known of it. Its event carries the last known catalog. */
export function removeNode(tx: Transaction, node: NodeRecord, now: number): number {
  const catalog = catalogOf(tx, node.node_id);
  const removed = catalog.services.map(deltaEntry);
  const delta: ServiceDelta = { changed: removed.length > 0, timestamp_ms: now, added: [], updated: [], removed };
  tx.remove("node", node.node_id);
  tx.remove("catalog", node.node_id);
  return tx.append({
    kind: "deleted",
    node_id: node.node_id,
    timestamp_ms: now,
    payload: { ...catalogPayload(node, catalog), service_delta: delta },
  });
}
