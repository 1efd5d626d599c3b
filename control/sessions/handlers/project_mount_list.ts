import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { accessProject } from "../project_access.ts";

/** Lists the mounts of a project. */
export const projectMountList = operation({
  name: "project_mount_list",
  access: "member",
  request: requests.project_mount_list,
  handle(context, which) {
    const { project_id, mounts } = accessProject(context, context.plane.store, which, "read", "read");
    return { project_id, mounts };
  },
});
