import { pendingRequests } from "../../pairing/join_requests.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { joinRequestPayload } from "./join_request_payload.ts";

/** Lists who waits to join, oldest first. */
export const nodeJoinPendingList = operation({
  name: "node_join_pending_list",
  access: "admin",
  scope: "operator",
  request: requests.node_join_pending_list,
  handle({ plane }) {
    return { pending: pendingRequests(plane.store.list("join_request"), plane.clock.now()).map(joinRequestPayload) };
  },
});
