import { makeJoinRequest } from "../../pairing/join_requests.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { joinRequestPayload } from "./join_request_payload.ts";

/** Asks to join without an invite. The answer holds what collects the decision. */
export const nodeJoinRequest = operation({
  name: "node_join_request",
  access: "anyone",
  isAudited: true,
  request: requests.node_join_request,
  async handle({ plane, note }, request) {
    const now = plane.clock.now();
    const { record, claim_token } = await plane.store.transact((tx) => makeJoinRequest(tx, request, plane.random, now));
    note({ target: record.request_id });
    return { ...joinRequestPayload(record), claim_token };
  },
});
