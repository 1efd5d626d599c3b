import { authenticateNode, checkGeneration, refreshLease, takeOffline } from "../../pairing/nodes.ts";
import { requests } from "../../protocol/ops.ts";
import { catalogOf } from "../../pairing/node_events.ts";
import { operation } from "../operation.ts";
import { joinReply } from "./join_reply.ts";

/** Extends a node's lease from now, or ends it now: a node that ends does not let others wait for it. */
export const nodeLeaseRefresh = operation({
  name: "node_lease_refresh",
  access: "node_secret",
  request: requests.node_lease_refresh,
  async handle({ plane, session }, { node_id, node_secret, fs_url, lease_ttl_ms, lease_generation, release }) {
    if (release) {
      await plane.store.transact((tx) => {
        const held = authenticateNode(tx, node_id, node_secret);
        checkGeneration(held, lease_generation);
        takeOffline(tx, held, plane.clock.now());
      });
      plane.leases.ended(node_id);
      return { node_id, released: true };
    }
    const { node, lease_token } = await plane.store.transact((tx) => {
      const held = authenticateNode(tx, node_id, node_secret);
      checkGeneration(held, lease_generation);
      return refreshLease(tx, held, { fs_url, lease_ttl_ms }, plane.random, plane.clock.now());
    });
    plane.meters.leaseRefreshes++;
    plane.leases.extended(node);
    session.socket.trustAsNode();
    return joinReply(node, node_secret, lease_token, catalogOf(plane.store, node_id));
  },
});
