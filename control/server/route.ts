/**
 * Where a WebSocket goes, and whether it may come in at all.
 *
 * Pure: everything is decided before the upgrade is answered, so that a refusal
 * is an HTTP status.
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

/**
 * Whether a browser page of `origin` may connect: one that this server served, or one of `allowed`. No origin means no
 * browser.
 *
 * @param allowed Further origins, as `URL.origin` spells them.
 */
export function originAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowed: ReadonlySet<string> = new Set(),
): boolean {
  if (origin === undefined) return true;
  try {
    const page = new URL(origin);
    return allowed.has(page.origin) || (host !== undefined && page.host === host.toLowerCase());
  } catch {
    return false;
  }
}

/** The token of an Authorization header: `Bearer <token>` or the bare token; `undefined` without a header. */
export function bearerOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  return header.trim().replace(/^bearer(\s+|$)/i, "").trim();
}
