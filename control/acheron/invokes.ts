/**
 * Whether a write is an invoke.
 *
 * @module
 */

import type { ServiceDescriptor } from "../catalog/descriptor.ts";
import { invokePathOf } from "../policy/node_path.ts";
import { DEFAULT_INVOKE_PATH, SERVICE_TREE } from "../protocol/fs.ts";
import type { WorldEntry } from "../worldfs/entry.ts";

/** Whether writing to a place invokes the service whose tree it is in. */
export function isInvoke(
  services: readonly ServiceDescriptor[],
  { entry, path, rest }: {
    readonly entry: WorldEntry;
    readonly path: readonly string[];
    readonly rest: readonly string[];
  },
): boolean {
  if (entry.kind !== "node_tree" || !entry.tree.startsWith(SERVICE_TREE)) return false;
  const within = rest.join("/");
  if (within === DEFAULT_INVOKE_PATH) return true;
  const id = entry.tree.slice(SERVICE_TREE.length);
  const service = services.find(({ service_id }) => service_id === id);
  if (service === undefined) return false;
  const target = invokePathOf(service);
  return target === `/${path.join("/")}` || target.replace(/^\/+/, "") === within;
}
