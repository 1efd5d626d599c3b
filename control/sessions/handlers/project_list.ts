import { decideFor } from "../viewer.ts";
import { requests } from "../../protocol/ops.ts";
import type { ProjectRecord } from "../../store/records.ts";
import { operation } from "../operation.ts";

/** Lists the projects that the caller may read without a further token; an admin sees all. */
export const projectList = operation({
  name: "project_list",
  access: "member",
  request: requests.project_list,
  handle({ plane, session }) {
    const { actor, bindings } = session;
    const isListed = (project: ProjectRecord) =>
      decideFor(actor, bindings.active.agent_id, project, "read", undefined).allowed;
    const projects = plane.store.list("project").filter(isListed).map((project) => ({
      project_id: project.project_id,
      name: project.name,
      status: project.status,
      kind: project.kind,
      is_delete_protected: project.kind !== "normal",
      mount_count: project.mounts.length,
    }));
    return { projects };
  },
});
