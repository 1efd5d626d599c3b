/**
 * Mounts as they are written on the command line.
 *
 * @module
 */

import { usageError } from "./errors.ts";

/** Reads \`/src=node-1:work\`. @throws {ZssError} \`usage\`. */
export function mountOf(text: string): { mount_path: string; node_id: string; export_name: string } {
  const match = /^(\/[^=]*)=([^:]+):(.+)$/.exec(text);
  const [, mount_path, node_id, export_name] = match ?? [];
  if (mount_path === undefined || node_id === undefined || export_name === undefined) {
    throw usageError(`Cannot read the mount "${text}": path=node:export is wanted`, "for example /src=node-1:work");
  }
  return { mount_path, node_id, export_name };
}
