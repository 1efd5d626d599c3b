import { claimJoin } from "../../pairing/join_requests.ts";
import { catalogOf } from "../../pairing/node_events.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { joinReply } from "./join_reply.ts";

/**
 * Collects what became of a request to join, for whoever asked: the credentials
 * once, or again when the answer was lost and nobody has used them.
 */
export const nodeJoinClaim = operation({
  name: "node_join_claim",
  access: "anyone",
  isAudited: true,
  request: requests.node_join_claim,
  async handle({ plane, session, note }, { request_id, claim_token }) {
    const now = plane.clock.now();
    const claim = await plane.store.transact((tx) => claimJoin(tx, request_id, claim_token, plane.random, now));
    if (claim.status !== "approved") {
      // A node asks every few seconds.
      note({ isSilent: true });
      return claim;
    }
    note({ target: `${request_id} ${claim.node.node_id}`, ...(claim.isAgain ? { rule: "claimed_again" } : {}) });
    plane.leases.extended(claim.node);
    session.socket.trustAsNode();
    const catalog = catalogOf(plane.store, claim.node.node_id);
    return { status: claim.status, ...joinReply(claim.node, claim.node_secret, claim.lease_token, catalog) };
  },
});
