import { maySeeNode } from "../../policy/rights.ts";
import { ZssError } from "../../protocol/errors.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** Largest `replay_limit` that is granted. */
const REPLAY_MAX = 250;

/** Starts the stream of catalog changes on this connection; a second watch replaces the first. */
export const nodeServiceWatch = operation({
  name: "node_service_watch",
  access: "admin",
  request: requests.node_service_watch,
  handle({ plane, session }, request) {
    for (const member of ["since", "snapshot", "bookmarks", "detail"] as const) {
      if (request[member] === undefined) continue;
      throw new ZssError("unsupported", `Cannot watch with ${member}: this server sends live events only`, {
        path: `/${member}`,
        hint: `leave out ${member}, and read the state with node_service_get`,
      });
    }
    const { store } = plane;
    const nodeId = request.node_id;
    plane.hub.subscribe(
      session.socket,
      (event) => (nodeId === undefined || event.node_id === nodeId) && maySeeNode(session.actor, event.node_id),
      store.revision,
    );
    return {
      enabled: true,
      ...(nodeId === undefined ? {} : { node_id: nodeId }),
      replay_limit: Math.min(request.replay_limit, REPLAY_MAX),
      replayed: 0,
      epoch: store.epoch,
      revision: store.revision,
      oldest_revision: store.oldestRevision,
    };
  },
});
