/**
 * Where a WebSocket goes. Pure.
 *
 * @module
 */

import { isIdentifier } from "../protocol/ids.ts";

/** What a path stands for. */
export type Route =
  | { readonly kind: "control" }
  | { readonly kind: "node_tunnel" }
  | { readonly kind: "node_files"; readonly nodeId: string };

/** The route of a request target, or `undefined` where there is none. */
export function routeOf(target: string): Route | undefined {
  const path = target.split("?", 1)[0] ?? "";
  if (path === "/") return { kind: "control" };
  if (path === "/v2/node" || path === "/v2/node/") return { kind: "node_tunnel" };
  const prefix = "/v2/fs/node/";
  if (path.startsWith(prefix)) {
    const nodeId = path.slice(prefix.length);
    if (isIdentifier(nodeId)) return { kind: "node_files", nodeId };
  }
  return undefined;
}
