import { denyJoin } from "../../pairing/join_requests.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** Turns away a node that asked. */
export const nodeJoinDeny = operation({
  name: "node_join_deny",
  access: "admin",
  scope: "operator",
  request: requests.node_join_deny,
  async handle({ plane, note }, { request_id }) {
    note({ target: request_id });
    await plane.store.transact((tx) => denyJoin(tx, request_id, plane.clock.now()));
    return { denied: true, request_id };
  },
});
