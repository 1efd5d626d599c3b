/**
 * What a node or the relay before it refuses, as an error for a person.
 *
 * @module
 */

import { codeOfErrno, Errno, FsError, isTunnelGone, TUNNEL_HINT, ZssError } from "../control/protocol/mod.ts";

/** What was to be done to a service, where it was one. */
export interface ServiceAction {
  readonly service: string;
  readonly action: string;
}

/**
 * Says what was refused and what to do; an error of another kind stays as it is.
 *
 * @param what The action and its thing, for example `run status on service "echo" of node "node-1"`.
 */
export function nodeRefusal(error: unknown, nodeId: string, what: string, of?: ServiceAction): unknown {
  if (!(error instanceof FsError)) return error;
  const reason = error.message.replace(
    /the node serves no "svc-([^"]*)"/,
    'the node has no service "$1" that you may see',
  );
  const { code, hint } = isTunnelGone(error)
    ? { code: "unreachable", hint: TUNNEL_HINT }
    : wayOut(error, nodeId, of === undefined ? undefined : { ...of, command: commandFor(nodeId, of.service) });
  return new ZssError(code, `Cannot ${what}: ${reason}`, { hint, data: { errno: error.errno }, cause: error });
}

interface WayOut {
  readonly code: string;
  readonly hint: string;
}

/** Nodes refuse with a number and a sentence; the sentence says which of several reasons it was. */
function wayOut(
  { errno, message }: FsError,
  nodeId: string,
  of: (ServiceAction & { readonly command: string }) | undefined,
): WayOut {
  if (/NodeNotFound/.test(message)) {
    return { code: "node_not_found", hint: "zss fs ls /nodes shows those that you see" };
  }
  if (/^Auth(Missing|Failed)/.test(message)) {
    return { code: "forbidden", hint: "give the token of the node in ZSS_TOKEN, or its file with --token-file" };
  }
  const shown = `zss fs ls /nodes/${nodeId}/services shows those that you may see`;
  if (errno === Errno.EACCES) return { code: "forbidden", hint: shown };
  if (/the node serves no "svc-/.test(message)) return { code: "service_not_found", hint: shown };
  if (of === undefined) return { code: codeOfErrno(errno), hint: shown };
  const { command, action } = of;
  if (/service is disabled/.test(message)) {
    // Nobody is refused a right here: that would be the exit code of those.
    return { code: "service_disabled", hint: `${command} enable switches it on` };
  }
  const code = codeOfErrno(errno);
  if (/cooling down/.test(message)) {
    const [, ms] = /try again in (\d+) ms/.exec(message) ?? [];
    const end = ms === undefined
      ? "a trial run is under way"
      : `the cooldown ends in ${Math.ceil(Number(ms) / 1_000)} s`;
    return { code, hint: `${end}; ${command} reset ends it now` };
  }
  if (errno === Errno.EAGAIN) return { code, hint: `${command} metrics shows how much it has to do; try again later` };
  if (errno === Errno.ENOSPC) {
    return { code, hint: "put what is larger into an exported folder with zss fs cp, and its path into the payload" };
  }
  if (errno === Errno.EINVAL) {
    return action === "config-set"
      ? { code, hint: `${command} config-get shows the one that holds; nothing was changed` }
      : { code, hint: `${command} template shows a payload that it takes` };
  }
  if (errno === Errno.ENOENT) return { code, hint: `zss fs ls /nodes/${nodeId} shows the files of its services` };
  return { code, hint: errno === Errno.EIO ? "the log of the node says more" : `${command} status shows how it is` };
}

function commandFor(nodeId: string, service: string): string {
  return `zss node service-runtime ${nodeId} ${service}`;
}
