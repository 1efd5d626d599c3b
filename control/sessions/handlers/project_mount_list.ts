import { requests } from "../../protocol/ops.ts";
import { shownMounts } from "../workspace.ts";
import { operation } from "../operation.ts";
import { accessProject } from "../project_access.ts";

/** Lists the mounts of a project. */
export const projectMountList = operation({
  name: "project_mount_list",
  access: "member",
  request: requests.project_mount_list,
  handle(context, which) {
    const project = accessProject(context, context.plane.store, which, "read", "read");
    return { project_id: project.project_id, mounts: shownMounts(context, project, which.project_token) };
  },
});
