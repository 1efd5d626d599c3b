import { memberOf } from "../../pairing/bearers.ts";
import { catalogOf } from "../../pairing/node_events.ts";
import { decideNode, decideNodeService, type Viewer } from "../../policy/visibility.ts";
import { findProject } from "../../projects/projects.ts";
import { ZssError } from "../../protocol/errors.ts";
import { type OpRequest, requests } from "../../protocol/ops.ts";
import type { OpContext } from "../handler.ts";
import { memoryOf } from "../memory.ts";
import { operation } from "../operation.ts";
import { decideFor, requireAllowed, requireAssignable, viewerOf } from "../viewer.ts";

/** Says who would see a path, and the rule that decides. Only an admin may ask for others. */
export const explainVisibility = operation({
  name: "explain_visibility",
  access: "member",
  request: requests.explain_visibility,
  handle(context, request) {
    const viewer = viewerFor(context, request);
    const [, kind, nodeId = "", serviceId] = request.path.split("/");
    if (kind !== "nodes" || nodeId === "") {
      throw new ZssError("invalid_payload", `Cannot explain "${request.path}": a path below /nodes is wanted`, {
        path: "/path",
        hint: "for example /nodes/node-1/camera",
      });
    }
    const { plane, session } = context;
    const node = decideNode(viewer, nodeId);
    const steps = [{ about: `/nodes/${nodeId}`, visible: node.allowed, rule: node.rule }];
    let visible = node.allowed;
    const name = serviceId === "services" ? request.path.split("/")[4] : serviceId;
    if (visible && name !== undefined && name !== "") {
      const service = catalogOf(plane.store, nodeId).services.find(({ service_id }) => service_id === name);
      const decision = service === undefined ? undefined : decideNodeService(viewer, service);
      visible = decision?.allowed ?? false;
      // Whoever is no admin is not told whether there is anything that it may not see.
      const own = decision?.rule ?? "the node publishes no such service";
      const rule = visible || session.actor.role === "admin" ? own : "there is no such service, or it is hidden";
      steps.push({ about: `/nodes/${nodeId}/${name}`, visible, rule });
    }
    if (visible && plane.store.get("node", nodeId) === undefined) {
      visible = false;
      steps.push({ about: `/nodes/${nodeId}`, visible, rule: "there is no such node" });
    }
    const { actor, agent_id, project } = viewer;
    return {
      path: request.path,
      visible,
      actor: actor.role === "anonymous" ? { role: actor.role } : { role: actor.role, name: actor.name },
      agent_id,
      project_id: project?.project_id ?? null,
      steps,
      hint: node.allowed ? null : node.hint,
    };
  },
});

function viewerFor({ plane, session }: OpContext, request: OpRequest<"explain_visibility">): Viewer {
  const { as, agent_id, project_id, project_token } = request;
  const active = session.bindings.active;
  if (as === undefined) {
    if (project_id !== undefined) {
      const project = findProject(plane.store, project_id);
      const what = `explain what is seen in project "${project_id}"`;
      requireAssignable(session.actor, project, what);
      requireAllowed(decideFor(session.actor, agent_id ?? active.agent_id, project, "read", project_token), what);
    }
    return viewerOf(plane.store, session.actor, {
      agent_id: agent_id ?? active.agent_id,
      project_id: project_id ?? active.project_id,
      project_token: project_token ?? active.project_token,
    });
  }
  if (session.actor.role !== "admin") {
    throw new ZssError("forbidden", "Cannot explain what others see: operation requires admin token", {
      path: "/as",
      hint: "leave out --as to ask for yourself",
    });
  }
  const record = plane.store.list("token").find(({ name, token_id }) => name === as || token_id === as);
  if (record === undefined) {
    throw new ZssError("token_not_found", `Cannot explain what "${as}" sees: no token has this name or id`, {
      path: "/as",
      hint: "zss server token list shows those there are",
    });
  }
  if (project_id !== undefined) findProject(plane.store, project_id);
  if (record.expires_at_ms !== null && record.expires_at_ms <= plane.clock.now()) {
    throw new ZssError("token_not_found", `Cannot explain what "${as}" sees: the token has expired, it opens nothing`, {
      path: "/as",
      hint: `zss server token rotate ${record.name} makes it anew`,
    });
  }
  const target = memoryOf(plane.store, memberOf(record)).last_target;
  return viewerOf(plane.store, memberOf(record), {
    agent_id: agent_id ?? target?.agent_id ?? active.agent_id,
    project_id: project_id ?? target?.project_id ?? null,
    project_token,
  });
}
