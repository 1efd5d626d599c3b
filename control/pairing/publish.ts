/**
 * A node's catalog is published: what is held, what is new, what is said of it.
 *
 * @module
 */

import { changedLeaves } from "../catalog/changes.ts";
import { diffCatalogs, type ServiceDelta } from "../catalog/delta.ts";
import type { ServiceDescriptor } from "../catalog/descriptor.ts";
import { deltaEntry } from "../catalog/digest.ts";
import { sameValue } from "../catalog/same_value.ts";
import { applyUpsert, type UpsertRequest } from "../catalog/upsert.ts";
import { ZssError } from "../protocol/errors.ts";
import type { Transaction } from "../store/store.ts";
import { catalogOf, catalogPayload } from "./node_events.ts";
import { authenticateNode, checkGeneration, proven } from "./nodes.ts";

/** How exactly a node's `last_seen_ms` is kept; to write it at each upsert would cost as much as the upsert. */
const LAST_SEEN_GRAIN_MS = 1_000;

/** What became of a catalog. */
export interface Publication {
  /** The catalog with what changed of it, as watchers get it. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** Revision of the node's last event. */
  readonly revision: number;
  /** Whether there was anything new, and so an event. */
  readonly isEvent: boolean;
}

/**
 * Publishes a catalog. One that says nothing new only refreshes when the node
 * was last seen, to the second.
 *
 * @throws {ZssError} `node_auth_failed`, `lease_superseded`, `revision_conflict` or `invalid_payload`; nothing is changed then.
 */
export function publishCatalog(tx: Transaction, request: UpsertRequest, now: number): Publication {
  const node = authenticateNode(tx, request.node_id, request.node_secret);
  checkGeneration(node, request.lease_generation);
  const held = catalogOf(tx, node.node_id);
  checkRevision(held.revision, request.if_revision);
  const next = applyUpsert(held, request);
  const delta = deltaOf(held.services, next.services, now);
  const payload = { ...catalogPayload(node, next), service_delta: delta };
  if (node.is_unproven === true || Math.abs(now - node.last_seen_ms) >= LAST_SEEN_GRAIN_MS) {
    tx.put("node", node.node_id, { ...proven(node), last_seen_ms: now });
  }
  const isSame = !delta.changed && sameValue(held.platform, next.platform) && sameValue(held.labels, next.labels);
  if (isSame) return { payload, revision: held.revision, isEvent: false };
  const revision = tx.append({ kind: "upsert", node_id: node.node_id, timestamp_ms: now, payload });
  tx.put("catalog", node.node_id, { ...next, revision });
  return { payload, revision, isEvent: true };
}

function checkRevision(held: number, wanted: number | undefined): void {
  if (wanted === undefined || wanted === held) return;
  throw new ZssError(
    "revision_conflict",
    `Cannot publish the catalog: the node's last event has revision ${held}, ${wanted} was expected`,
    { path: "/if_revision", hint: "read the catalog with node_service_get and decide again", data: { revision: held } },
  );
}

/** The delta, with what changed within each updated service. */
function deltaOf(held: readonly ServiceDescriptor[], next: readonly ServiceDescriptor[], now: number): ServiceDelta {
  // An entry that did not change is the same object in both, so most need not be looked at.
  const [heldSet, nextSet] = [new Set(held), new Set(next)];
  const before = held.filter((service) => !nextSet.has(service));
  const after = next.filter((service) => !heldSet.has(service));
  const delta = diffCatalogs(before.map(deltaEntry), after.map(deltaEntry), now);
  if (delta.updated.length === 0) return delta;
  const find = (list: readonly ServiceDescriptor[], id: string) => list.find(({ service_id }) => service_id === id);
  const updated = delta.updated.map((one) => ({
    ...one,
    changes: changedLeaves(find(before, one.service_id), find(after, one.service_id)),
  }));
  return { ...delta, updated };
}
