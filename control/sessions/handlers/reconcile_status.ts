import { decideProject } from "../../policy/project.ts";
import { workspaceOf } from "../../projects/workspace.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { viewerOf } from "../viewer.ts";
import { failedOps, lookupIn, reconcileSummary } from "../workspace.ts";

/** How far what is wanted of the projects is there; of those that the caller may read. */
export const reconcileStatus = operation({
  name: "reconcile_status",
  access: "member",
  request: requests.reconcile_status,
  handle({ plane, session }, { project_id }) {
    const { actor, bindings } = session;
    const { agent_id } = bindings.active;
    const projects = plane.store.list("project").filter((project) => {
      const viewer = viewerOf(plane.store, actor, {
        agent_id,
        project_id: project.project_id,
        project_token: project.project_id === bindings.active.project_id ? bindings.active.project_token : undefined,
      });
      return (project_id === undefined || project.project_id === project_id) &&
        decideProject(project, "read", viewer).allowed;
    });
    const failed = projects.flatMap((project) => failedOps(plane.store, project.project_id));
    return {
      ...reconcileSummary(plane),
      reconcile_state: failed.length === 0 ? "idle" : "degraded",
      last_error: failed[0] ?? null,
      queue_depth: failed.length,
      failed_ops_total: failed.length,
      cycles_total: 0,
      failed_ops: failed,
      projects: projects.map((project) => {
        const { mounts, desired, drift, availability } = workspaceOf(project, lookupIn(plane.store));
        return {
          project_id: project.project_id,
          mounts: desired.length,
          selected_mounts: mounts.length,
          online_mounts: availability.online,
          degraded_mounts: availability.degraded,
          missing_mounts: availability.missing,
          drift_count: drift.length,
          queue_depth: drift.filter(({ severity }) => severity === "error").length,
        };
      }),
    };
  },
});
