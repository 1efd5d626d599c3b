import { decideProject } from "../../policy/project.ts";
import { findProject } from "../../projects/projects.ts";
import { requests } from "../../protocol/ops.ts";
import { gateError } from "../gate.ts";
import { activeKey } from "../memory.ts";
import { operation } from "../operation.ts";
import { requireAllowed, requireAssignable, viewerOf } from "../viewer.ts";
import { workspacePayload } from "../workspace.ts";

/** What a project shows at this moment; without one that is named, the agent's active one. */
export const workspaceStatus = operation({
  name: "workspace_status",
  access: "member",
  request: requests.workspace_status,
  handle({ plane, session }, { project_id, project_token }) {
    const { actor, bindings } = session;
    const { agent_id } = bindings.active;
    const bound = plane.store.get("active_project", activeKey(actor, agent_id))?.project_id ??
      bindings.active.project_id;
    const id = project_id ?? bound;
    if (id === null || (id !== project_id && plane.store.get("project", id) === undefined)) {
      if (session.gate !== undefined) throw gateError(session.gate, "workspace_status");
      return workspacePayload(plane, actor, bindings.active, undefined);
    }
    const project = findProject(plane.store, id);
    const what = `see the workspace of project "${id}"`;
    requireAssignable(actor, project, what);
    const isBound = id === bindings.active.project_id;
    const token = project_token ?? (isBound ? bindings.active.project_token : undefined);
    const binding = { agent_id, project_id: id, project_token: token };
    requireAllowed(decideProject(project, "read", viewerOf(plane.store, actor, binding)), what);
    return workspacePayload(plane, actor, binding, project);
  },
});
