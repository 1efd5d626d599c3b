import { ZssError } from "../../protocol/errors.ts";
import type { NodeRecord } from "../../store/records.ts";
import type { RecordReader } from "../../store/store.ts";

/** @throws {ZssError} `node_not_found`. */
export function findNode(reader: RecordReader, nodeId: string): NodeRecord {
  const node = reader.get("node", nodeId);
  if (node !== undefined) return node;
  throw new ZssError("node_not_found", `Cannot find node "${nodeId}": NodeNotFound`, {
    path: "/node_id",
    hint: "zss node list shows the nodes that this server knows",
  });
}
