import { catalogText, withMember } from "../../catalog/catalog_text.ts";
import { upsertRequest } from "../../catalog/upsert.ts";
import { publishCatalog } from "../../pairing/publish.ts";
import { JsonText } from "../../protocol/json.ts";
import { operation } from "../operation.ts";

/**
 * Publishes a node's catalog.
 *
 * One that changes nothing makes no event, so a node may publish as often as it
 * likes.
 */
export const nodeServiceUpsert = operation({
  name: "node_service_upsert",
  access: "node_secret",
  request: upsertRequest,
  async handle({ plane, session }, request) {
    const now = plane.clock.now();
    const { payload, revision, isEvent } = await plane.store.transact((tx) => publishCatalog(tx, request, now));
    session.socket.trustAsNode();
    plane.meters.upserts++;
    const text = withMember(catalogText(payload), "revision", revision);
    if (isEvent) {
      const event = { epoch: plane.store.epoch, revision, kind: "upsert", timestamp_ms: now, replay: false };
      return new JsonText(withMember(text, "event", event));
    }
    plane.meters.noops++;
    return new JsonText(text);
  },
});
