import { decideProject } from "../../policy/project.ts";
import { workspaceOf } from "../../projects/workspace.ts";
import { requests } from "../../protocol/ops.ts";
import { operation } from "../operation.ts";
import { viewerOf } from "../viewer.ts";
import { failedIn, lookupIn, reconcileSummary } from "../workspace.ts";

/** How far what is wanted of the projects is there; of those that the caller may read. */
export const reconcileStatus = operation({
  name: "reconcile_status",
  access: "member",
  request: requests.reconcile_status,
  handle({ plane, session }, { project_id }) {
    const { actor, bindings } = session;
    const { agent_id } = bindings.active;
    const lookup = lookupIn(plane.store);
    const shown = plane.store.list("project").flatMap((project) => {
      if (project_id !== undefined && project.project_id !== project_id) return [];
      const viewer = viewerOf(plane.store, actor, {
        agent_id,
        project_id: project.project_id,
        project_token: project.project_id === bindings.active.project_id ? bindings.active.project_token : undefined,
      });
      if (!decideProject(project, "read", viewer).allowed) return [];
      return [{ project, workspace: workspaceOf(project, lookup, viewer) }];
    });
    const failed = shown.flatMap(({ project, workspace }) => failedIn(project.project_id, workspace));
    return {
      ...reconcileSummary(plane, failed),
      failed_ops_total: failed.length,
      cycles_total: 0,
      failed_ops: failed,
      projects: shown.map(({ project, workspace: { mounts, desired, drift, availability } }) => {
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
