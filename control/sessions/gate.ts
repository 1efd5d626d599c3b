/**
 * With what a connection begins: its last project, or the word that it needs one.
 *
 * @module
 */

import { decideProject } from "../policy/project.ts";
import type { Actor } from "../policy/rights.ts";
import { PRIMARY_AGENT, SYSTEM_PROJECT } from "../projects/projects.ts";
import { ZssError } from "../protocol/errors.ts";
import type { RecordReader } from "../store/store.ts";
import type { Binding } from "./bindings.ts";
import type { Gate } from "./handler.ts";

const primary: Binding = { agent_id: PRIMARY_AGENT, project_id: SYSTEM_PROJECT, project_token: undefined };

/**
 * The binding of a connection's main session. An admin begins with the system
 * project; everybody else where they were last, if they may still read it
 * without its token.
 */
export function startOf(
  reader: RecordReader,
  actor: Actor,
): { readonly binding: Binding; readonly gate: Gate | undefined } {
  if (actor.role === "admin") return { binding: primary, gate: undefined };
  // No agent either: the overrides of the primary one are not for everybody.
  const nowhere: Binding = { agent_id: "", project_id: null, project_token: undefined };
  if (actor.role === "anonymous") return { binding: nowhere, gate: "provisioning_required" };
  const target = reader.get("member", actor.token_id)?.last_target ?? null;
  if (target === null) return { binding: nowhere, gate: "provisioning_required" };
  const project = reader.get("project", target.project_id);
  const isReadable = project !== undefined && project.project_id !== SYSTEM_PROJECT &&
    decideProject(project, "read", { actor, agent_id: target.agent_id, token: "none" }).allowed;
  if (!isReadable) return { binding: nowhere, gate: "last_target_invalid" };
  return { binding: { ...target, project_token: undefined }, gate: undefined };
}

/** Why an operation that needs a project is refused. */
export function gateError(gate: Gate, name: string): ZssError {
  const hint =
    "bind the session to a project with --project, or session_attach; zss project list shows those there are";
  return gate === "provisioning_required"
    ? new ZssError(gate, `Cannot run ${name}: the session is bound to no project yet`, { hint })
    : new ZssError(gate, `Cannot run ${name}: the project of the last session is gone or may not be read any more`, {
      hint,
    });
}
