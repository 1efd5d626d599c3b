/**
 * The catalog entries of what a node serves by itself.
 *
 * @module
 */

import type { ServiceDescriptor } from "../../control/catalog/mod.ts";

/** The entry of the exported folders. Every export is read-only at this stage. */
export function fsDescriptor(nodeId: string, exportCount: number): ServiceDescriptor {
  const path = `/nodes/${nodeId}/fs`;
  return {
    service_id: "fs",
    kind: "fs",
    version: "1",
    state: "online",
    endpoints: [path],
    capabilities: { rw: false, export_count: exportCount },
    mounts: [{ mount_id: "fs", mount_path: path, state: "online" }],
    ops: { model: "namespace", style: "plan9" },
    runtime: { type: "builtin", abi: "namespace-driver-v1" },
    permissions: { default: "deny-by-default", allow_roles: ["admin", "user"], fs_roots: "export-scoped" },
    schema: { model: "namespace-mount" },
    help_md: "Builtin filesystem namespace driver",
  };
}
