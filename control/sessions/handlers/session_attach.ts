import { findProject, PRIMARY_AGENT, SYSTEM_PROJECT } from "../../projects/projects.ts";
import { ZssError } from "../../protocol/errors.ts";
import { type OpRequest, requests } from "../../protocol/ops.ts";
import type { Binding } from "../bindings.ts";
import { gateError } from "../gate.ts";
import type { Caller, OpContext } from "../handler.ts";
import { remember } from "../memory.ts";
import { operation } from "../operation.ts";
import { decideFor, requireAllowed } from "../viewer.ts";
import { sessionPayload } from "./session_payload.ts";

/** Binds a session to an agent and a project, and makes it the active one. */
export const sessionAttach = operation({
  name: "session_attach",
  access: "member",
  isAudited: true,
  request: requests.session_attach,
  async handle(context, request) {
    const { plane, session, note } = context;
    const binding = targetOf(session, request);
    note({ target: `${binding.agent_id} @ ${binding.project_id}` });
    const rule = permit(context, binding);
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

/** @throws {ZssError} `forbidden`, `project_not_found`, or what the project's policy says. */
function permit({ plane, session }: OpContext, binding: Binding): string {
  const { actor } = session;
  if (actor.role !== "admin" && (binding.agent_id === PRIMARY_AGENT || binding.project_id === SYSTEM_PROJECT)) {
    throw new ZssError("forbidden", `Cannot attach: agent ${PRIMARY_AGENT} and the system project are for admins`, {
      hint: "attach another agent to a project of your own",
    });
  }
  const project = findProject(plane.store, binding.project_id ?? SYSTEM_PROJECT);
  const decision = decideFor(actor, binding.agent_id, project, "read", binding.project_token);
  return requireAllowed(decision, `attach to project "${project.project_id}"`);
}
