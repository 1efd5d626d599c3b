import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** Ends the stream of catalog changes; harmless when there is none. */
export const nodeServiceUnwatch = operation({
  name: "node_service_unwatch",
  access: "anyone",
  request: requests.node_service_unwatch,
  handle({ plane, session }) {
    plane.hub.unsubscribe(session.socket);
    return { enabled: false };
  },
});
