import type { Catalog } from "../../catalog/upsert.ts";
import type { NodeRecord } from "../../store/records.ts";

/** The answer to everything that hands a node its lease: `node_join` and `node_lease_refresh`. */
export function joinReply(
  node: NodeRecord,
  nodeSecret: string,
  leaseToken: string,
  catalog: Catalog & { readonly revision: number },
): Record<string, unknown> {
  return {
    node_id: node.node_id,
    node_name: node.node_name,
    fs_url: node.fs_url,
    node_secret: nodeSecret,
    lease_token: leaseToken,
    platform: catalog.platform,
    lease_expires_at_ms: node.lease_expires_at_ms,
    lease_generation: node.lease_generation,
    revision: catalog.revision,
  };
}
