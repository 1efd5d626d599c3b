/**
 * Mounts as they are written on the command line.
 *
 * @module
 */

import type { ControlConnection } from "../control/client/mod.ts";
import { usageError } from "./errors.ts";
import { nodeIdOf } from "./node_names.ts";

/** Reads `/src=node-1:work`, in which the node may be named. @throws {ZssError} `usage`. */
export function mountOf(text: string): { mount_path: string; node_id: string; export_name: string } {
  const match = /^(\/[^=]*)=([^:]+):(.+)$/.exec(text);
  const [, mount_path, node_id, export_name] = match ?? [];
  if (mount_path === undefined || node_id === undefined || export_name === undefined) {
    throw usageError(`Cannot read the mount "${text}": path=node:export is wanted`, "for example /src=node-1:work");
  }
  return { mount_path, node_id, export_name };
}

/** The same mount with the id of the node; one that nobody knows yet may come. */
export async function withNodeId<T extends { readonly node_id: string }>(
  connection: ControlConnection,
  mount: T,
): Promise<T> {
  return { ...mount, node_id: await nodeIdOf(connection, mount.node_id, "keep") };
}
