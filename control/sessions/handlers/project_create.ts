import { readAccessPolicy } from "../../policy/access_policy.ts";
import { createProject, projectPayload } from "../../projects/projects.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { requireFewProjects, requireMayCreate } from "../project_access.ts";

/** Makes a project, private to whoever makes it until its policy says otherwise. */
export const projectCreate = operation({
  name: "project_create",
  access: "member",
  scope: "project",
  request: requests.project_create,
  async handle(context, { access_policy, ...fields }) {
    const { plane, note } = context;
    const creator = requireMayCreate(context, ["read", "admin"]);
    const policy = access_policy === undefined ? undefined : readAccessPolicy(access_policy);
    const project = await plane.store.transact((tx) => {
      requireFewProjects(tx, context, creator);
      return createProject(tx, { ...fields, access_policy: policy }, creator, plane.clock.now());
    });
    note({ target: project.project_id });
    return projectPayload(project);
  },
});
