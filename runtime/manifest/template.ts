/**
 * Puts a node's id where a manifest says `{node_id}`.
 *
 * Only in endpoints and mount paths: everything else is taken as it stands.
 *
 * @module
 */

import type { Manifest, ServiceManifest } from "./schema.ts";

/** The service that a manifest describes on the node `nodeId`, with the defaults that depend on its paths. */
export function expand(manifest: Manifest, nodeId: string): ServiceManifest {
  const put = (path: string) => path.replaceAll("{node_id}", nodeId);
  const endpoints = manifest.endpoints.length > 0
    ? manifest.endpoints.map(put)
    : [`/nodes/${nodeId}/${manifest.service_id}`];
  const mounts = manifest.mounts ?? [{ mount_id: manifest.service_id, mount_path: endpoints[0] ?? "/" }];
  return {
    ...manifest,
    endpoints,
    mounts: mounts.map((mount) => ({
      mount_id: mount.mount_id,
      mount_path: put(mount.mount_path),
      state: mount.state ?? manifest.state,
    })),
  };
}
