/**
 * What every operation works on.
 *
 * @module
 */

import type { Clock } from "../../drivers/process/clock.ts";
import { type Catalog, emptyCatalog } from "../catalog/upsert.ts";
import type { EventHub } from "../events/hub.ts";
import type { FsTokens } from "../pairing/fs_tokens.ts";
import type { RandomBytes } from "../pairing/tokens.ts";
import type { NodeRecord } from "../store/records.ts";
import type { RecordReader, Store } from "../store/store.ts";

/** The parts that operations share. */
export interface ControlPlane {
  readonly store: Store;
  readonly hub: EventHub;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly fsTokens: FsTokens;
}

/** The catalog that the store holds for a node. */
export function catalogOf(reader: RecordReader, nodeId: string): Catalog & { readonly revision: number } {
  return reader.get("catalog", nodeId) ?? { ...emptyCatalog, revision: 0 };
}

/** Payload of `node_service_get`, of events and, with a delta, of `node_service_upsert`. */
export function catalogPayload(node: NodeRecord, catalog: Catalog): Record<string, unknown> {
  return {
    node_id: node.node_id,
    node_name: node.node_name,
    platform: catalog.platform,
    labels: catalog.labels,
    services: catalog.services,
  };
}

/** A node as `node_list` and `node_get` show it. */
export function nodeSummary(reader: RecordReader, node: NodeRecord, now: number): Record<string, unknown> {
  const catalog = catalogOf(reader, node.node_id);
  return {
    node_id: node.node_id,
    node_name: node.node_name,
    fs_url: node.fs_url,
    platform: catalog.platform,
    labels: catalog.labels,
    service_count: catalog.services.length,
    state: node.lease_expires_at_ms > now ? "online" : "offline",
    joined_at_ms: node.joined_at_ms,
    last_seen_ms: node.last_seen_ms,
    lease_expires_at_ms: node.lease_expires_at_ms,
    lease_generation: node.lease_generation,
  };
}
