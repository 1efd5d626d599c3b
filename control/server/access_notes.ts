/**
 * What the audit log says about connections, before and beside operations.
 *
 * @module
 */

import type { Actor } from "../policy/rights.ts";
import { errorText, ZssError } from "../protocol/errors.ts";
import type { RelayAccess } from "../relay/node_peer.ts";
import type { ControlPlane } from "../sessions/control_plane.ts";
import type { Refusal } from "./admission.ts";

type Notebook = Pick<ControlPlane, "audit" | "clock" | "anonymousRefusals">;

/** Writes down who was turned away before a word was said; so many that nobody can fill the log with it. */
export function noteRefusal(plane: Notebook, refusal: Refusal, url: string | undefined): void {
  if (!plane.anonymousRefusals.take()) return;
  // Not more than the path: a query may hold anything.
  const target = (url ?? "").split("?")[0]?.slice(0, 128) ?? null;
  const rule = `${refusal.message} (status ${refusal.status})`;
  noteConnection(plane, { role: "anonymous" }, { what: "connection", target, code: refusal.code, rule });
}

/** Writes down who opened, or was not let open, a tunnel or the files of a node. */
export function noteAccess(plane: Notebook, { what, actor, nodeId, error }: RelayAccess): void {
  if (error !== undefined && !plane.anonymousRefusals.take()) return;
  const code = error === undefined ? null : error instanceof ZssError ? error.code : "node_auth_failed";
  const target = nodeId === null ? null : nodeId.slice(0, 128);
  noteConnection(plane, actor, { what, target, code, rule: error === undefined ? null : errorText(error) });
}

function noteConnection(
  plane: Notebook,
  actor: Actor,
  { what, target, code, rule }: { what: string; target: string | null; code: string | null; rule: string | null },
): void {
  plane.audit.write({
    timestamp_ms: plane.clock.now(),
    role: actor.role,
    actor: actor.role === "anonymous" ? null : actor.name,
    agent_id: null,
    control_type: what,
    scope: "none",
    target,
    correlation_id: null,
    result: code === null ? "ok" : "error",
    error_code: code,
    rule,
  });
}
