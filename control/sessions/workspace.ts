/**
 * The state of a project as an answer.
 *
 * @module
 */

import { catalogOf } from "../pairing/node_events.ts";
import type { Actor } from "../policy/rights.ts";
import { decideNode, type Viewer } from "../policy/visibility.ts";
import { type NodeLookup, type Workspace, workspaceOf } from "../projects/workspace.ts";
import type { ProjectMount, ProjectRecord } from "../store/records.ts";
import type { RecordReader } from "../store/store.ts";
import type { Binding } from "./bindings.ts";
import type { ControlPlane } from "./control_plane.ts";
import type { OpContext } from "./handler.ts";
import { viewerOf } from "./viewer.ts";

/** Where the files of a project stand for an agent. */
export function workspaceRoot(projectId: string): string {
  return `/spiderweb/projects/${projectId}/workspace`;
}

/** The mounts of a project that the caller sees: one that leads to a hidden service is hidden with it. */
export function shownMounts(
  { plane, session }: OpContext,
  project: ProjectRecord,
  token: string | undefined,
): ProjectMount[] {
  const { agent_id } = session.bindings.active;
  const viewer = viewerOf(plane.store, session.actor, {
    agent_id,
    project_id: project.project_id,
    project_token: token,
  });
  return workspaceOf(project, lookupIn(plane.store), viewer).desired.map(({ mount_path, node_id, export_name }) => ({
    mount_path,
    node_id,
    export_name,
  }));
}

/** Looks nodes up in a store. */
export function lookupIn(reader: RecordReader): NodeLookup {
  return {
    node: (nodeId) => reader.get("node", nodeId),
    services: (nodeId) => catalogOf(reader, nodeId).services,
  };
}

/** How far what is wanted is there. */
type ReconcileSummary = Readonly<Record<string, unknown>> & {
  readonly reconcile_state: "idle" | "degraded";
  readonly queue_depth: number;
};

/** The state of a project as it is answered. */
export type WorkspaceFields = ReconcileSummary & {
  readonly desired_mounts: Workspace["desired"];
  readonly actual_mounts: Workspace["mounts"];
  readonly drift: { readonly count: number; readonly items: Workspace["drift"] };
  readonly availability: Workspace["availability"];
};

/** Answer of `workspace_status`; without a project, of nothing. */
export function workspacePayload(
  plane: ControlPlane,
  actor: Actor,
  binding: Binding,
  project: ProjectRecord | undefined,
): Record<string, unknown> {
  const viewer = viewerOf(plane.store, actor, binding);
  const empty: Workspace = {
    mounts: [],
    desired: [],
    drift: [],
    availability: { mounts_total: 0, online: 0, degraded: 0, missing: 0 },
  };
  // What it opens is decided when it is used, as it is for its owner.
  const tokenFor = (nodeId: string) =>
    decideNode(viewer, nodeId).allowed ? plane.fsTokens.mint(nodeId, { actor: viewer.actor, binding }) : null;
  const workspace = project === undefined ? empty : workspaceOf(project, lookupIn(plane.store), viewer, tokenFor);
  return workspaceFields(plane, viewer, project, workspace);
}

/** The state of a project in the form in which it is answered and shown. */
export function workspaceFields(
  plane: Pick<ControlPlane, "clock">,
  viewer: Viewer,
  project: ProjectRecord | undefined,
  workspace: Workspace,
): WorkspaceFields {
  return {
    agent_id: viewer.agent_id,
    project_id: project?.project_id ?? null,
    workspace_root: project === undefined ? null : workspaceRoot(project.project_id),
    mounts: workspace.mounts,
    desired_mounts: workspace.desired,
    actual_mounts: workspace.mounts,
    drift: { count: workspace.drift.length, items: workspace.drift },
    availability: workspace.availability,
    ...reconcileSummary(plane, failedIn(project?.project_id ?? "", workspace)),
  };
}

/** How far what is wanted is there: what is not waits in a queue. */
export function reconcileSummary(
  { clock }: Pick<ControlPlane, "clock">,
  failed: readonly string[],
): ReconcileSummary {
  const now = clock.now();
  return {
    reconcile_state: failed.length === 0 ? "idle" : "degraded",
    last_reconcile_ms: now,
    last_success_ms: now,
    last_error: failed[0] ?? null,
    queue_depth: failed.length,
  };
}

/** A line for each path that no node serves. */
export function failedIn(projectId: string, { drift }: Pick<Workspace, "drift">): string[] {
  return drift.filter(({ severity }) => severity === "error").map((one) =>
    `project=${projectId} mount=${one.mount_path} node=${one.selected_node_id} ${
      one.kind === "missing_node" ? "missing" : "offline"
    }`
  );
}
