/**
 * Writes to files of nodes as the audit log tells of them, whichever way they came.
 *
 * @module
 */

import { ZssError } from "../protocol/errors.ts";
import { serviceOfTree } from "../protocol/fs.ts";

/** Longest id of a request, or of a call as a node names it, that is sent back or written down, in UTF-16 units. */
export const MAX_ID_CHARS = 256;
/** Longest name of a file that is written down. */
const MAX_TARGET_CHARS = 512;

/**
 * Whether writing there makes a service do something.
 *
 * What is typed in a session of a terminal is nobody's business but the node's; that one was opened is.
 *
 * @param within Path within the tree of a service.
 */
export function isOperated(within: string): boolean {
  return within.startsWith("control/") || within === "config.json" || within === "pty/open.json";
}

/** What the audit log calls a file of a node. @param tree Name of its tree. @param within Path within it. */
export function targetOf(nodeId: string, tree: string, within: string): string {
  const service = serviceOfTree(tree);
  return targetAt(nodeId, service === undefined ? `fs/${tree}` : `services/${service}`, within);
}

/** The same for a file of which only the number of a handle is known. */
export function targetOfHandle(nodeId: string, handle: string | undefined): string {
  return targetAt(nodeId, `handle ${handle}`, "");
}

function targetAt(nodeId: string, place: string, within: string): string {
  return `/nodes/${nodeId}/${place}${within === "" ? "" : `/${within}`}`.slice(0, MAX_TARGET_CHARS);
}

/** What the audit log says of an invoke that was permitted and whose driver did not succeed. */
export function driverFailed(): ZssError {
  return new ZssError("driver_failed", "Invoked the service, and its driver did not succeed");
}
