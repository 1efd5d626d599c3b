/**
 * What a node or the relay before it refuses, as an error for a person.
 *
 * @module
 */

import { FsError, ZssError } from "../control/protocol/mod.ts";

/**
 * Says what was refused and what to do; an error of another kind stays as it is.
 *
 * @param what The action and its thing, for example `run status on service "echo" of node "node-1"`.
 */
export function nodeRefusal(error: unknown, nodeId: string, what: string): unknown {
  if (!(error instanceof FsError)) return error;
  const reason = error.message.replace(
    /the node serves no "svc-([^"]*)"/,
    'the node has no service "$1" that you may see',
  );
  const message = `Cannot ${what}: ${reason}`;
  if (/tunnel/i.test(error.message)) {
    return new ZssError("unreachable", message, {
      hint: `the node is not connected; zss fs read /nodes/${nodeId}/STATUS.json shows its state`,
    });
  }
  if (/NodeNotFound/.test(error.message)) {
    return new ZssError("node_not_found", message, { hint: "zss fs ls /nodes shows those that you see" });
  }
  return new ZssError(error.errno === 13 ? "forbidden" : "fs_error", message, {
    hint: `zss fs ls /nodes/${nodeId}/services shows those that you may see`,
    data: { errno: error.errno },
  });
}
