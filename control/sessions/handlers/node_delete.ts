import { authenticateNode } from "../../pairing/nodes.ts";
import { removeNode } from "../../pairing/node_events.ts";
import { mayCall } from "../../policy/rights.ts";
import { ZssError } from "../../protocol/errors.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { findNode } from "./find_node.ts";

/** Deletes a node with its catalog. Who watches gets its last catalog with every service removed. */
export const nodeDelete = operation({
  name: "node_delete",
  access: "node_secret",
  scope: "node",
  request: requests.node_delete,
  async handle({ plane, session, note }, { node_id, node_secret }) {
    note({ target: node_id });
    if (node_secret === undefined && !mayCall(session.actor, "admin", "node").allowed) {
      throw new ZssError("forbidden", "Cannot run node_delete: operation requires admin token, or the node's secret", {
        hint: "connect with an admin token (--token-file or ZSS_TOKEN)",
      });
    }
    const revision = await plane.store.transact((tx) => {
      const node = node_secret === undefined ? findNode(tx, node_id) : authenticateNode(tx, node_id, node_secret);
      return removeNode(tx, node, plane.clock.now());
    });
    plane.meters.deletes++;
    plane.leases.removed(node_id);
    return { node_id, deleted: true, revision };
  },
});
