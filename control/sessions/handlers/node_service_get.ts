import { requests } from "../../protocol/ops.ts";
import { catalogOf, catalogPayload } from "../../pairing/node_events.ts";
import { operation } from "../operation.ts";
import { findNode } from "./find_node.ts";

/** Reads the catalog of one node. */
export const nodeServiceGet = operation({
  name: "node_service_get",
  access: "admin",
  request: requests.node_service_get,
  handle({ plane }, { node_id }) {
    const node = findNode(plane.store, node_id);
    const catalog = catalogOf(plane.store, node_id);
    return {
      ...catalogPayload(node, catalog),
      // What stands here is what the node published last; whether it is there now is another thing.
      state: node.online ? "online" : "offline",
      ...(node.offline_since_ms === null ? {} : { offline_since_ms: node.offline_since_ms }),
      revision: catalog.revision,
    };
  },
});
