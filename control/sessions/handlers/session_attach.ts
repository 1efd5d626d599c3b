import { SYSTEM_PROJECT } from "../../projects/projects.ts";
import { type OpRequest, requests } from "../../protocol/ops.ts";
import { permitBinding } from "../binding_rights.ts";
import type { Binding } from "../bindings.ts";
import { gateError } from "../gate.ts";
import type { Caller } from "../handler.ts";
import { remember } from "../memory.ts";
import { operation } from "../operation.ts";
import { sessionPayload } from "./session_payload.ts";

/** Binds a session to an agent and a project, and makes it the active one. */
export const sessionAttach = operation({
  name: "session_attach",
  access: "member",
  isAudited: true,
  request: requests.session_attach,
  async handle({ plane, session, note }, request) {
    const binding = targetOf(session, request);
    note({ target: `${binding.agent_id} @ ${binding.project_id}` });
    const rule = permitBinding(plane.store, session.actor, binding);
    note({ rule });
    session.bindings.attach(request.session_key, binding);
    session.gate = undefined;
    const now = plane.clock.now();
    await plane.store.transact((tx) => remember(tx, session.actor, request.session_key, binding, now));
    return sessionPayload(request.session_key, binding, now);
  },
});

/** What is to be bound: without a project the one that the agent has in this connection already. */
function targetOf({ actor, bindings, gate }: Caller, request: OpRequest<"session_attach">): Binding {
  const { agent_id, project_id, project_token } = request;
  if (project_id !== undefined) return { agent_id, project_id, project_token };
  const held = bindings.list().find(({ binding }) => binding.agent_id === agent_id && binding.project_id !== null);
  if (held !== undefined) return held.binding;
  if (actor.role === "admin") return { agent_id, project_id: SYSTEM_PROJECT, project_token };
  throw gateError(gate ?? "provisioning_required", "session_attach");
}
