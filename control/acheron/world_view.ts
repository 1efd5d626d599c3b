/**
 * The world as a session sees it at this moment: what the pure tree is made of.
 *
 * @module
 */

import { catalogOf, catalogPayload } from "../pairing/node_events.ts";
import { type Actor, mayCall } from "../policy/rights.ts";
import { type CatalogPayload, type Viewer, visiblePart } from "../policy/visibility.ts";
import { findProject } from "../projects/projects.ts";
import { workspaceOf } from "../projects/workspace.ts";
import type { Binding } from "../sessions/bindings.ts";
import { type ControlPlane, nodeSummary } from "../sessions/control_plane.ts";
import { viewerOf } from "../sessions/viewer.ts";
import { lookupIn, workspaceFields } from "../sessions/workspace.ts";
import type { WorldSource } from "../worldfs/source.ts";

/** What the world is made of, for one session at one moment. */
export function worldSource(plane: ControlPlane, actor: Actor, binding: Binding, viewer: Viewer): WorldSource {
  const { store } = plane;
  const viewers = new Map<string, Viewer>();
  return {
    viewer,
    nodes: () => store.list("node"),
    node: (nodeId) => store.get("node", nodeId),
    services: (nodeId) => catalogOf(store, nodeId).services,
    nodeSummary({ node_id }) {
      const node = store.get("node", node_id);
      return node === undefined ? {} : nodeSummary(store, node);
    },
    projects: () => store.list("project"),
    project: (projectId) => store.get("project", projectId),
    viewerIn(project) {
      const { project_id } = project;
      if (project_id === binding.project_id) return viewer;
      let other = viewers.get(project_id);
      if (other === undefined) {
        // The token of a session opens the project of that session and no other.
        other = viewerOf(store, actor, { agent_id: binding.agent_id, project_id, project_token: undefined });
        viewers.set(project_id, other);
      }
      return other;
    },
    workspace({ project_id }) {
      const project = findProject(store, project_id);
      const seen = this.viewerIn(project);
      return workspaceFields(plane, seen, project, workspaceOf(project, lookupIn(store), seen));
    },
    agents: plane.agents,
    debug: {
      events: actor.role === "admin",
      requests: mayCall(actor, "admin", "operator").allowed,
      invites: mayCall(actor, "admin", "node").allowed,
    },
  };
}

/** The nodes that a viewer sees, as payloads of their catalogs. */
export function visibleCatalogs({ store }: ControlPlane, viewer: Viewer): CatalogPayload[] {
  return store.list("node").flatMap((node) => {
    const seen = visiblePart(viewer, catalogPayload(node, catalogOf(store, node.node_id)));
    return seen === undefined ? [] : [seen];
  });
}
