import { projectPayload, removeMount } from "../../projects/projects.ts";
import { ZssError } from "../../protocol/errors.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { accessProject, visibilityChanged } from "../project_access.ts";

/** Takes away one mount of a project, or all at a path. */
export const projectMountRemove = operation({
  name: "project_mount_remove",
  access: "member",
  scope: "project",
  request: requests.project_mount_remove,
  async handle(context, { mount_path, node_id, export_name, ...which }) {
    if ((node_id === undefined) !== (export_name === undefined)) {
      const missing = node_id === undefined ? "node_id" : "export_name";
      throw new ZssError("missing_field", `Cannot run project_mount_remove: ${missing} is required with the other`, {
        path: `/${missing}`,
        hint: "name both to remove one mount, or neither to remove all at the path",
      });
    }
    const { plane } = context;
    const now = plane.clock.now();
    const project = await plane.store.transact((tx) => {
      const before = accessProject(context, tx, which, "mount", "unmount from");
      const after = removeMount(tx, which.project_id, { mount_path, node_id, export_name }, now);
      visibilityChanged(tx, before, after, now);
      return after;
    });
    return projectPayload(project);
  },
});
