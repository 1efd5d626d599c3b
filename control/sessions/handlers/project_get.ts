import { projectPayload } from "../../projects/projects.ts";
import { requests } from "../../protocol/ops.ts";
import { shownMounts } from "../workspace.ts";
import { operation } from "../operation.ts";
import { accessProject } from "../project_access.ts";

/** Describes one project. */
export const projectGet = operation({
  name: "project_get",
  access: "member",
  request: requests.project_get,
  handle(context, which) {
    const project = accessProject(context, context.plane.store, which, "read", "read");
    return { ...projectPayload(project), mounts: shownMounts(context, project, which.project_token) };
  },
});
