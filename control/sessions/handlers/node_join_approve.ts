import { approveJoin } from "../../pairing/join_requests.ts";
import { catalogOf } from "../../pairing/node_events.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { joinReply } from "./join_reply.ts";

/**
 * Admits a node that asked. The answer holds credentials, as in the reference;
 * they are good until the node collects its own.
 */
export const nodeJoinApprove = operation({
  name: "node_join_approve",
  access: "admin",
  scope: "operator",
  request: requests.node_join_approve,
  async handle({ plane, note }, { request_id, lease_ttl_ms }) {
    note({ target: request_id });
    const now = plane.clock.now();
    const joined = await plane.store.transact((tx) => approveJoin(tx, request_id, lease_ttl_ms, plane.random, now));
    plane.leases.extended(joined.node);
    note({ target: `${request_id} ${joined.node.node_id}` });
    return joinReply(joined.node, joined.node_secret, joined.lease_token, catalogOf(plane.store, joined.node.node_id));
  },
});
