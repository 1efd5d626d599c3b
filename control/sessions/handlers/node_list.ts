import { requests } from "../../protocol/ops.ts";
import { nodeSummary } from "../control_plane.ts";
import { operation } from "../operation.ts";

/** Lists the nodes in the order in which they joined. */
export const nodeList = operation({
  name: "node_list",
  access: "admin",
  request: requests.node_list,
  handle({ plane }) {
    return { nodes: plane.store.list("node").map((node) => nodeSummary(plane.store, node)) };
  },
});
