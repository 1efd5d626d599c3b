import { projectPayload, setMount } from "../../projects/projects.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { accessProject, requireMountable, visibilityChanged } from "../project_access.ts";

/** Shows a folder of a node under a path of a project; a second one at the same path stands by for the first. */
export const projectMountSet = operation({
  name: "project_mount_set",
  access: "member",
  scope: "project",
  request: requests.project_mount_set,
  async handle(context, { node_id, export_name, mount_path, ...which }) {
    const { plane } = context;
    const now = plane.clock.now();
    const project = await plane.store.transact((tx) => {
      const before = accessProject(context, tx, which, "mount", "mount into");
      requireMountable(context, tx, node_id);
      const after = setMount(tx, which.project_id, { mount_path, node_id, export_name }, now);
      if (after !== before) visibilityChanged(tx, before, after, now);
      return after;
    });
    return projectPayload(project);
  },
});
