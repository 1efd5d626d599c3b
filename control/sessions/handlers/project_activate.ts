import { requests } from "../../protocol/ops.ts";
import { activeKey } from "../memory.ts";
import { operation } from "../operation.ts";
import { accessProject } from "../project_access.ts";
import { workspaceRoot } from "../workspace.ts";

/** Makes a project the active one of the session's agent. */
export const projectActivate = operation({
  name: "project_activate",
  access: "member",
  scope: "project",
  request: requests.project_activate,
  async handle(context, which) {
    const { plane, session } = context;
    const { agent_id } = session.bindings.active;
    await plane.store.transact((tx) => {
      accessProject(context, tx, which, "read", "activate");
      tx.put("active_project", activeKey(session.actor, agent_id), { project_id: which.project_id });
    });
    return { agent_id, project_id: which.project_id, workspace_root: workspaceRoot(which.project_id) };
  },
});
