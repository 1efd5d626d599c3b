import { catalogText, withMember } from "../../catalog/catalog_text.ts";
import { changedLeaves } from "../../catalog/changes.ts";
import { type DeltaEntry, diffCatalogs, type ServiceDelta } from "../../catalog/delta.ts";
import type { ServiceDescriptor } from "../../catalog/descriptor.ts";
import { serviceDigest } from "../../catalog/digest.ts";
import { sameValue } from "../../catalog/same_value.ts";
import { applyUpsert, upsertRequest } from "../../catalog/upsert.ts";
import { catalogOf, catalogPayload } from "../../pairing/node_events.ts";
import { authenticateNode, checkGeneration } from "../../pairing/nodes.ts";
import { ZssError } from "../../protocol/errors.ts";
import { JsonText } from "../../protocol/json.ts";
import { operation } from "../operation.ts";

/** How exactly a node's `last_seen_ms` is kept; to write it at each upsert would cost as much as the upsert. */
const LAST_SEEN_GRAIN_MS = 1_000;

/**
 * Publishes a node's catalog.
 *
 * One that changes nothing only refreshes when the node was last seen: it makes
 * no event, so a node may publish as often as it likes.
 */
export const nodeServiceUpsert = operation({
  name: "node_service_upsert",
  access: "node_secret",
  request: upsertRequest,
  async handle({ plane, session }, request) {
    const now = plane.clock.now();
    const reply = await plane.store.transact((tx) => {
      const node = authenticateNode(tx, request.node_id, request.node_secret);
      checkGeneration(node, request.lease_generation);
      const held = catalogOf(tx, node.node_id);
      checkRevision(held.revision, request.if_revision);
      const next = applyUpsert(held, request);
      const delta = withChanges(
        diffCatalogs(held.services.map(entry), next.services.map(entry), now),
        held.services,
        next.services,
      );
      const payload = { ...catalogPayload(node, next), service_delta: delta };
      if (Math.abs(now - node.last_seen_ms) >= LAST_SEEN_GRAIN_MS) {
        tx.put("node", node.node_id, { ...node, last_seen_ms: now });
      }
      const isSame = !delta.changed && sameValue(held.platform, next.platform) && sameValue(held.labels, next.labels);
      if (isSame) return { payload, revision: held.revision };
      const revision = tx.append({ kind: "upsert", node_id: node.node_id, timestamp_ms: now, payload });
      tx.put("catalog", node.node_id, { ...next, revision });
      const event = { epoch: plane.store.epoch, revision, kind: "upsert", timestamp_ms: now, replay: false };
      return { payload, revision, event };
    });
    session.socket.trustAsNode();
    plane.meters.upserts++;
    const text = withMember(catalogText(reply.payload), "revision", reply.revision);
    if (reply.event !== undefined) return new JsonText(withMember(text, "event", reply.event));
    plane.meters.noops++;
    return new JsonText(text);
  },
});

function checkRevision(held: number, wanted: number | undefined): void {
  if (wanted === undefined || wanted === held) return;
  throw new ZssError(
    "revision_conflict",
    `Cannot publish the catalog: the node's last event has revision ${held}, ${wanted} was expected`,
    { path: "/if_revision", hint: "read the catalog with node_service_get and decide again", data: { revision: held } },
  );
}

function entry(service: ServiceDescriptor): DeltaEntry {
  return { service_id: service.service_id, version: service.version, hash: serviceDigest(service) };
}

/** The delta with what changed within each updated service. */
function withChanges(
  delta: ServiceDelta,
  held: readonly ServiceDescriptor[],
  next: readonly ServiceDescriptor[],
): ServiceDelta {
  if (delta.updated.length === 0) return delta;
  const before = new Map(held.map((service) => [service.service_id, service]));
  const after = new Map(next.map((service) => [service.service_id, service]));
  const updated = delta.updated.map((one) => ({
    ...one,
    changes: changedLeaves(before.get(one.service_id), after.get(one.service_id)),
  }));
  return { ...delta, updated };
}
