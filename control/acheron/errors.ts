/**
 * Refusals of the runtime channel, and their frames.
 *
 * @module
 */

import { wireError } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { codeOfErrno, Errno, type FsError, isTunnelGone, TUNNEL_HINT } from "../protocol/fs.ts";
import { stringifyJson } from "../protocol/json.ts";

/** The error of the channel for what a node refused with; `data.errno` keeps its number. */
export function fromNode(error: FsError, action: string): ZssError {
  return new ZssError(codeOfErrno(error.errno), `Cannot ${action}: ${error.message}`, {
    data: { errno: error.errno },
    cause: error,
    ...(error.errno === Errno.EIO ? { hint: isTunnelGone(error) ? TUNNEL_HINT : "the log of the node says more" } : {}),
  });
}

/** The refusal of a path at which nothing is, or nothing that may be seen: the two are one. */
export function noSuchPath(path: readonly string[], action: string): ZssError {
  return new ZssError("enoent", `Cannot ${action} "${shown(path)}": no such file or directory`, {
    hint: "list the directory above it to see what is there",
  });
}

/** A path as it is shown in messages. */
export function shown(path: readonly string[]): string {
  const text = `/${path.join("/")}`;
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** Text of a reply; `tag` is sent back as it came. */
export function replyFrame(name: string, tag: unknown, payload: unknown): string {
  const type = `acheron.r_${name.slice(2)}`;
  return stringifyJson({ channel: "acheron", type, ...(tag === undefined ? {} : { tag }), ok: true, payload });
}

/** Text of a refusal. */
export function refusalFrame(tag: unknown, error: ZssError): string {
  return stringifyJson({
    channel: "acheron",
    type: "acheron.error",
    ...(tag === undefined ? {} : { tag }),
    ok: false,
    error: wireError(error),
  });
}
