/**
 * What the audit log says about connections, before and beside operations.
 *
 * @module
 */

import { errorText, ZssError } from "../protocol/errors.ts";
import type { RelayAccess, Speaker } from "../relay/node_peer.ts";
import type { ControlPlane } from "../sessions/control_plane.ts";
import type { Refusal } from "../listen/refusal.ts";

type Notebook = Pick<ControlPlane, "audit" | "clock" | "anonymousRefusals">;

/** Writes down who was turned away before a word was said; so many that nobody can fill the log with it. */
export function noteRefusal(plane: Notebook, refusal: Refusal, url: string | undefined): void {
  if (!plane.anonymousRefusals.take()) return;
  // Not more than the path: a query may hold anything.
  const target = (url ?? "").split("?")[0]?.slice(0, 128) ?? null;
  const rule = `${refusal.message} (status ${refusal.status})`;
  noteConnection(plane, { role: "anonymous" }, {
    what: "connection",
    target,
    code: refusal.code,
    rule,
    correlationId: null,
    agentId: null,
  });
}

/** Writes down what was done, or refused, by way of the relay. */
export function noteAccess(plane: Notebook, access: RelayAccess): void {
  const { what, speaker, nodeId, error } = access;
  if (error !== undefined && speaker.role === "anonymous" && !plane.anonymousRefusals.take()) return;
  const code = error === undefined
    ? null
    : error instanceof ZssError
    ? error.code
    : access.target === undefined
    ? "node_auth_failed"
    : "fs_error";
  noteConnection(plane, speaker, {
    what,
    target: access.target ?? nodeId?.slice(0, 128) ?? null,
    code,
    rule: access.rule ?? (error === undefined ? null : errorText(error)),
    correlationId: access.correlationId ?? null,
    agentId: access.agentId,
  });
}

function noteConnection(
  plane: Notebook,
  speaker: Speaker,
  { what, target, code, rule, correlationId, agentId }: {
    readonly what: string;
    readonly target: string | null;
    readonly code: string | null;
    readonly rule: string | null;
    readonly correlationId: string | null;
    readonly agentId: string | null;
  },
): void {
  plane.audit.write({
    timestamp_ms: plane.clock.now(),
    role: speaker.role,
    actor: speaker.role === "anonymous" ? null : speaker.name,
    agent_id: agentId,
    control_type: what,
    scope: "none",
    target,
    correlation_id: correlationId,
    result: code === null ? "ok" : "error",
    error_code: code,
    rule,
  });
}
