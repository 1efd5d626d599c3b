import { redeemInvite } from "../../pairing/invites.ts";
import { addNode, nextNodeId } from "../../pairing/nodes.ts";
import { requests } from "../../protocol/ops.ts";
import { catalogOf } from "../../pairing/node_events.ts";
import { operation } from "../operation.ts";
import { joinReply } from "./join_reply.ts";

/** Makes a node from an invite. The invite is used up in the same transaction. */
export const nodeJoin = operation({
  name: "node_join",
  access: "anyone",
  isAudited: true,
  request: requests.node_join,
  async handle({ plane, session, note }, { invite_token, node_name, fs_url, lease_ttl_ms }) {
    const now = plane.clock.now();
    const joined = await plane.store.transact((tx) => {
      const nodeId = nextNodeId(tx);
      const invite = redeemInvite(tx, invite_token, nodeId, node_name, now);
      const name = invite.node_name ?? node_name;
      const join = { node_name: name, fs_url, lease_ttl_ms, labels: invite.labels };
      return addNode(tx, nodeId, join, plane.random, now);
    });
    note({ target: joined.node.node_id });
    plane.leases.extended(joined.node);
    session.socket.trustAsNode();
    return joinReply(joined.node, joined.node_secret, joined.lease_token, catalogOf(plane.store, joined.node.node_id));
  },
});
