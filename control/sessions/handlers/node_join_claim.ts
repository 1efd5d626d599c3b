import { claimJoin } from "../../pairing/join_requests.ts";
import { catalogOf } from "../../pairing/node_events.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { joinReply } from "./join_reply.ts";

/** Collects what became of a request to join: the credentials once, for whoever asked. */
export const nodeJoinClaim = operation({
  name: "node_join_claim",
  access: "anyone",
  request: requests.node_join_claim,
  async handle({ plane, session }, { request_id, claim_token }) {
    const now = plane.clock.now();
    const claim = await plane.store.transact((tx) => claimJoin(tx, request_id, claim_token, plane.random, now));
    if (claim.status !== "approved") return claim;
    plane.leases.extended(claim.node);
    session.socket.trustAsNode();
    const catalog = catalogOf(plane.store, claim.node.node_id);
    return { status: claim.status, ...joinReply(claim.node, claim.node_secret, claim.lease_token, catalog) };
  },
});
