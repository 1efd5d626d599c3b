import { canonicalText } from "../../catalog/canonical.ts";
import { type DeltaEntry, diffCatalogs } from "../../catalog/delta.ts";
import type { ServiceDescriptor } from "../../catalog/descriptor.ts";
import { serviceDigest } from "../../catalog/digest.ts";
import { applyUpsert, upsertRequest } from "../../catalog/upsert.ts";
import { authenticateNode, checkGeneration } from "../../pairing/nodes.ts";
import { catalogOf, catalogPayload } from "../control_plane.ts";
import { operation } from "../operation.ts";

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
      const next = applyUpsert(held, request);
      const delta = diffCatalogs(held.services.map(entry), next.services.map(entry), now);
      const payload = { ...catalogPayload(node, next), service_delta: delta };
      tx.put("node", node.node_id, { ...node, last_seen_ms: now });
      const same = !delta.changed &&
        canonicalText([held.platform, held.labels]) === canonicalText([next.platform, next.labels]);
      if (same) return { ...payload, revision: held.revision };
      const revision = tx.append({ kind: "upsert", node_id: node.node_id, timestamp_ms: now, payload });
      tx.put("catalog", node.node_id, { ...next, revision });
      const event = { epoch: plane.store.epoch, revision, kind: "upsert", timestamp_ms: now, replay: false };
      return { ...payload, revision, event };
    });
    session.socket.trustAsNode();
    return reply;
  },
});

function entry(service: ServiceDescriptor): DeltaEntry {
  return { service_id: service.service_id, version: service.version, hash: serviceDigest(service) };
}
