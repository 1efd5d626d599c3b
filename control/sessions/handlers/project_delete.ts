import { deleteProject } from "../../projects/projects.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { accessProject, visibilityChanged } from "../project_access.ts";

/** Removes a project. The nodes stay; they are only no longer shown under it. */
export const projectDelete = operation({
  name: "project_delete",
  access: "member",
  scope: "project",
  request: requests.project_delete,
  async handle(context, which) {
    const { plane } = context;
    await plane.store.transact((tx) => {
      const before = accessProject(context, tx, which, "admin", "delete");
      deleteProject(tx, which.project_id);
      visibilityChanged(tx, before, undefined, plane.clock.now());
    });
    return { deleted: true, project_id: which.project_id };
  },
});
