import { requests } from "../../protocol/ops.ts";
import { nodeSummary } from "../control_plane.ts";
import { operation } from "../operation.ts";
import { findNode } from "./find_node.ts";

/** Describes one node, with a token that opens its files for five minutes. */
export const nodeGet = operation({
  name: "node_get",
  access: "admin",
  request: requests.node_get,
  handle({ plane, session }, { node_id }) {
    const node = nodeSummary(plane.store, findNode(plane.store, node_id));
    const token = plane.fsTokens.mint(node_id, { actor: session.actor, binding: session.bindings.active });
    return { node: { ...node, fs_auth_token: token } };
  },
});
