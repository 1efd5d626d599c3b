/**
 * The state of a project as an answer.
 *
 * @module
 */

import { catalogOf } from "../pairing/node_events.ts";
import { mayReachNode } from "../policy/rights.ts";
import type { Viewer } from "../policy/visibility.ts";
import { type NodeLookup, type Workspace, workspaceOf } from "../projects/workspace.ts";
import type { ProjectRecord } from "../store/records.ts";
import type { RecordReader } from "../store/store.ts";
import type { ControlPlane } from "./control_plane.ts";

/** Where the files of a project stand for an agent. */
export function workspaceRoot(projectId: string): string {
  return `/spiderweb/projects/${projectId}/workspace`;
}

/** Looks nodes up in a store. */
export function lookupIn(reader: RecordReader): NodeLookup {
  return {
    node: (nodeId) => reader.get("node", nodeId),
    services: (nodeId) => catalogOf(reader, nodeId).services,
  };
}

/** Answer of `workspace_status`; without a project, of nothing. */
export function workspacePayload(
  plane: ControlPlane,
  viewer: Viewer,
  project: ProjectRecord | undefined,
): Record<string, unknown> {
  const empty: Workspace = {
    mounts: [],
    desired: [],
    drift: [],
    availability: { mounts_total: 0, online: 0, degraded: 0, missing: 0 },
  };
  // Such a token opens all of a node, so it is for those who may reach all of it.
  const tokenFor = (nodeId: string) => mayReachNode(viewer.actor) ? plane.fsTokens.mint(nodeId) : null;
  const workspace = project === undefined ? empty : workspaceOf(project, lookupIn(plane.store), viewer, tokenFor);
  return {
    agent_id: viewer.agent_id,
    project_id: project?.project_id ?? null,
    workspace_root: project === undefined ? null : workspaceRoot(project.project_id),
    mounts: workspace.mounts,
    desired_mounts: workspace.desired,
    actual_mounts: workspace.mounts,
    drift: { count: workspace.drift.length, items: workspace.drift },
    availability: workspace.availability,
    ...reconcileSummary(plane),
  };
}

/** The state of every project together: what is wanted and not there waits in a queue. */
export function reconcileSummary({ store, clock }: Pick<ControlPlane, "store" | "clock">): Record<string, unknown> {
  const failed = failedOps(store);
  return {
    reconcile_state: failed.length === 0 ? "idle" : "degraded",
    last_reconcile_ms: clock.now(),
    last_success_ms: clock.now(),
    last_error: failed[0] ?? null,
    queue_depth: failed.length,
  };
}

/** A line for each path that no node serves. */
export function failedOps(reader: RecordReader, projectId?: string): string[] {
  const lookup = lookupIn(reader);
  return reader.list("project").filter((project) => projectId === undefined || project.project_id === projectId)
    .flatMap((project) =>
      workspaceOf(project, lookup).drift.filter(({ severity }) => severity === "error").map((drift) =>
        `project=${project.project_id} mount=${drift.mount_path} node=${drift.selected_node_id} ${
          drift.kind === "missing_node" ? "missing" : "offline"
        }`
      )
    );
}
