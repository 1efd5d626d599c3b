import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/**
 * Lists past events, oldest first: the newest ones, or those behind a revision.
 * `more` says that there are further ones behind the last.
 */
export const nodeServiceEvents = operation({
  name: "node_service_events",
  access: "admin",
  request: requests.node_service_events,
  handle({ plane, session }, { node_id, since_revision, limit }) {
    const { store, policy } = plane;
    const heads = store.headsSince(since_revision ?? 0).filter((head) =>
      (node_id === undefined || head.node_id === node_id) && policy.maySeeNode(session.actor, head.node_id)
    );
    const chosen = since_revision === undefined ? heads.slice(-limit) : heads.slice(0, limit);
    const events = chosen.flatMap(({ revision }) =>
      store.readSince(revision - 1, 1).map((event) => ({
        ...event.payload,
        event: { epoch: store.epoch, revision, kind: event.kind, timestamp_ms: event.timestamp_ms, replay: true },
      }))
    );
    return {
      events,
      more: since_revision !== undefined && heads.length > chosen.length,
      epoch: store.epoch,
      revision: store.revision,
      oldest_revision: store.oldestRevision,
    };
  },
});
