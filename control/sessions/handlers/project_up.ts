import { readAccessPolicy } from "../../policy/access_policy.ts";
import { createProject, projectNamed, replaceMounts, updateProject } from "../../projects/projects.ts";
import { ZssError } from "../../protocol/errors.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import {
  accessProject,
  requireFewProjects,
  requireMayCreate,
  requireMountable,
  visibilityChanged,
} from "../project_access.ts";
import { activeKey } from "../memory.ts";
import { workspacePayload } from "../workspace.ts";

/** Brings a project to a wanted state, making it when there is none of the name: the same request again changes nothing. */
export const projectUp = operation({
  name: "project_up",
  access: "member",
  scope: "project",
  request: requests.project_up,
  async handle(context, request) {
    const { plane, session, note } = context;
    const { actor, bindings } = session;
    const { agent_id } = bindings.active;
    const now = plane.clock.now();
    const { vision, status, desired_mounts, project_token, activate } = request;
    const policy = request.access_policy === undefined ? undefined : readAccessPolicy(request.access_policy);
    const name = request.name ?? request.project_name;
    if (request.project_id === undefined && name === undefined) {
      throw new ZssError("missing_field", "Cannot run project_up: project_id or name is required", {
        path: "/name",
        hint: "name the project that is to be there",
      });
    }
    const { project, created } = await plane.store.transact((tx) => {
      for (const { node_id } of desired_mounts ?? []) requireMountable(context, tx, node_id);
      const id = request.project_id ?? projectNamed(tx, name ?? "")?.project_id;
      const fields = { vision, status, access_policy: policy, ...(request.project_id === undefined ? {} : { name }) };
      const before = id === undefined ? undefined : tx.get("project", id);
      if (id === undefined) {
        const creator = requireMayCreate(context, [
          "read",
          "admin",
          ...(desired_mounts === undefined ? [] : ["mount" as const]),
        ]);
        requireFewProjects(tx, context, creator);
        const made = createProject(tx, { ...fields, name: name ?? "" }, creator, now);
        note({ target: made.project_id });
        const after = desired_mounts === undefined ? made : replaceMounts(tx, made.project_id, desired_mounts, now);
        visibilityChanged(tx, undefined, after, now);
        return { project: after, created: true };
      }
      const which = { project_id: id, project_token };
      const isUpdate = Object.values(fields).some((field) => field !== undefined);
      let after = accessProject(context, tx, which, "read", "bring up");
      if (isUpdate) {
        accessProject(context, tx, which, "admin", "change");
        after = updateProject(tx, id, fields, now);
      }
      if (desired_mounts !== undefined) {
        accessProject(context, tx, which, "mount", "mount into");
        after = replaceMounts(tx, id, desired_mounts, now);
      }
      if (policy !== undefined || desired_mounts !== undefined) visibilityChanged(tx, before, after, now);
      return { project: after, created: false };
    });
    if (activate) {
      await plane.store.transact((tx) =>
        tx.put("active_project", activeKey(actor, agent_id), { project_id: project.project_id })
      );
    }
    const binding = { agent_id, project_id: project.project_id, project_token };
    return {
      project_id: project.project_id,
      project_token: null,
      created,
      activated: activate,
      workspace: workspacePayload(plane, actor, binding, project),
    };
  },
});
