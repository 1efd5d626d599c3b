/**
 * The catalog entries of what a node serves by itself.
 *
 * @module
 */

import type { ServiceDescriptor } from "../../control/catalog/mod.ts";

/** What the entry says of a folder. */
interface ExportedFolder {
  readonly description: { readonly read_only: boolean };
}

/** The entry of the exported folders. `rw` says whether any of them can be written. */
export function fsDescriptor(nodeId: string, folders: readonly ExportedFolder[]): ServiceDescriptor {
  const path = `/nodes/${nodeId}/fs`;
  return {
    service_id: "fs",
    kind: "fs",
    version: "1",
    state: "online",
    endpoints: [path],
    capabilities: { rw: folders.some(({ description }) => !description.read_only), export_count: folders.length },
    mounts: [{ mount_id: "fs", mount_path: path, state: "online" }],
    ops: { model: "namespace", style: "plan9" },
    runtime: { type: "builtin", abi: "namespace-driver-v1" },
    permissions: { default: "deny-by-default", allow_roles: ["admin", "user"], fs_roots: "export-scoped" },
    schema: { model: "namespace-mount" },
    help_md: "Builtin filesystem namespace driver",
  };
}
