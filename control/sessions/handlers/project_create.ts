import { readAccessPolicy } from "../../policy/access_policy.ts";
import { createProject, projectPayload } from "../../projects/projects.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";

/** Makes a project, private to whoever makes it until its policy says otherwise. */
export const projectCreate = operation({
  name: "project_create",
  access: "member",
  scope: "project",
  request: requests.project_create,
  async handle({ plane, session, note }, { access_policy, ...fields }) {
    const { actor } = session;
    const creator = actor.role === "anonymous" ? "" : actor.token_id;
    const policy = access_policy === undefined ? undefined : readAccessPolicy(access_policy);
    const project = await plane.store.transact((tx) =>
      createProject(tx, { ...fields, access_policy: policy }, creator, plane.clock.now())
    );
    note({ target: project.project_id });
    return projectPayload(project);
  },
});
