/**
 * What a manifest claims among others: its id and its mounts.
 *
 * @module
 */

import { isObject } from "../../control/protocol/envelope.ts";
import type { JsonObject, SetMember } from "./rule.ts";

/** The built-in services that every node has unless it is told otherwise. */
export function builtInMembers(nodeId: string): SetMember[] {
  return [{
    origin: "the built-in fs service",
    service_id: "fs",
    mounts: [{ path: `/nodes/${nodeId}/fs`, from: [] }],
  }];
}

/** Reads the claims of a manifest that need not fit the schema. */
export function setMember(origin: string, manifest: JsonObject, nodeId: string): SetMember {
  const { service_id: id, endpoints, mounts } = manifest;
  const service_id = typeof id === "string" ? id : undefined;
  const expand = (path: string) => path.replaceAll("{node_id}", nodeId);
  if (Array.isArray(mounts)) {
    return {
      origin,
      service_id,
      mounts: mounts.flatMap((mount, index) => {
        const path = isObject(mount) ? mount["mount_path"] : undefined;
        // One that is too long is wrong already; its every ancestor would be kept.
        const isPath = typeof path === "string" && path.startsWith("/") && path.length <= 512;
        return isPath ? [{ path: expand(path), from: ["mounts", index, "mount_path"] }] : [];
      }),
    };
  }
  const prefix = `/nodes/${nodeId}/`;
  const first = Array.isArray(endpoints) ? endpoints[0] : undefined;
  if (typeof first === "string") {
    const path = expand(first);
    // One that lies elsewhere is wrong already, and what it would overlap says nothing new.
    const isOwn = path.startsWith(prefix) && path.length > prefix.length && path.length <= 1024;
    return { origin, service_id, mounts: isOwn ? [{ path, from: ["endpoints", 0] }] : [] };
  }
  const fallback = service_id === undefined || service_id === ""
    ? []
    : [{ path: prefix + service_id, from: ["service_id"] }];
  return { origin, service_id, mounts: fallback };
}
