import { readAccessPolicy } from "../../policy/access_policy.ts";
import { projectPayload, updateProject } from "../../projects/projects.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { accessProject, visibilityChanged } from "../project_access.ts";

/** Changes what is said about a project; a policy replaces the one there is as a whole. */
export const projectUpdate = operation({
  name: "project_update",
  access: "member",
  scope: "project",
  request: requests.project_update,
  async handle(context, { access_policy, name, vision, status, ...which }) {
    const { plane } = context;
    const now = plane.clock.now();
    const policy = access_policy === undefined ? undefined : readAccessPolicy(access_policy);
    const project = await plane.store.transact((tx) => {
      const before = accessProject(context, tx, which, "admin", "change");
      const after = updateProject(tx, which.project_id, { name, vision, status, access_policy: policy }, now);
      if (policy !== undefined) visibilityChanged(tx, before, after, now);
      return after;
    });
    return projectPayload(project);
  },
});
