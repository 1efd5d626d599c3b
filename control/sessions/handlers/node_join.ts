import { keepJoinKey, redeemInvite, unansweredJoin } from "../../pairing/invites.ts";
import { addNode, newNodeSecret, nextNodeId } from "../../pairing/nodes.ts";
import { requests } from "../../protocol/ops.ts";
import { catalogOf } from "../../pairing/node_events.ts";
import { operation } from "../operation.ts";
import { joinReply } from "./join_reply.ts";

/**
 * Makes a node from an invite. The invite is used up in the same transaction.
 *
 * A node that did not get the answer, and asks again with the same key, gets
 * new credentials for the node that was made.
 */
export const nodeJoin = operation({
  name: "node_join",
  access: "anyone",
  isAudited: true,
  request: requests.node_join,
  async handle({ plane, session, note }, { invite_token, join_key, node_name, fs_url, lease_ttl_ms }) {
    const now = plane.clock.now();
    const joined = await plane.store.transact((tx) => {
      const unanswered = unansweredJoin(tx, invite_token, join_key);
      if (unanswered !== undefined) {
        const again = newNodeSecret(tx, unanswered, plane.random, now);
        keepJoinKey(tx, invite_token, join_key, again.node);
        return again;
      }
      const nodeId = nextNodeId(tx);
      const invite = redeemInvite(tx, invite_token, nodeId, node_name, now);
      const name = invite.node_name ?? node_name;
      const join = { node_name: name, fs_url, lease_ttl_ms, labels: invite.labels };
      const made = addNode(tx, nodeId, join, plane.random, now);
      keepJoinKey(tx, invite_token, join_key, made.node);
      return made;
    });
    note({ target: joined.node.node_id });
    plane.leases.extended(joined.node);
    session.socket.trustAsNode();
    return joinReply(joined.node, joined.node_secret, joined.lease_token, catalogOf(plane.store, joined.node.node_id));
  },
});
