import type { ManifestRule } from "../rule.ts";
import { pathsOf, shown } from "./_values.ts";

/** A service answers under its own node. */
export const endpointPrefix: ManifestRule = {
  id: "endpoint-prefix",
  severity: "error",
  reason: "An endpoint lies below `/nodes/{node_id}/`, the part of the tree that belongs to the node; elsewhere it " +
    "would speak for another one. For other places there are mounts.",
  check: (manifest, { nodeId }) =>
    pathsOf(manifest).flatMap(({ path, text }) => {
      if (path[0] !== "endpoints" || !text.startsWith("/")) return [];
      const prefix = `/nodes/${nodeId}/`;
      const expanded = text.replaceAll("{node_id}", nodeId);
      if (expanded.startsWith(prefix) && expanded.length > prefix.length) return [];
      return [{
        path,
        message: `endpoints[${path[1]}] must lie below "/nodes/{node_id}/": current value is ${shown(text)}`,
        hint: /^\/nodes\/[^/]+\/./.test(text)
          ? "write {node_id} instead of the id of one node"
          : "use a mount for a place outside of the node",
      }];
    }),
};
