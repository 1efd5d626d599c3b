/**
 * What a project shows at this moment: for each path the folder that serves it,
 * what was wanted instead, and what is missing.
 *
 * Several folders may be mounted at one path; the first that can be reached
 * serves it. Pure.
 *
 * @module
 */

import type { ServiceDescriptor } from "../catalog/descriptor.ts";
import { decideNodeService, isInvokable, type Viewer } from "../policy/visibility.ts";
import type { NodeRecord, ProjectMount, ProjectRecord } from "../store/records.ts";

/** Where nodes and their services are looked up. */
export interface NodeLookup {
  node(nodeId: string): NodeRecord | undefined;
  services(nodeId: string): readonly ServiceDescriptor[];
}

/** A mount with the state of its node. */
export interface WorkspaceMount extends ProjectMount {
  readonly node_name: string | null;
  readonly fs_url: string | null;
  /** Opens the node's files for a short time; `null` when the viewer may not, or the node is not there. */
  readonly fs_auth_token: string | null;
  readonly online: boolean;
  readonly state: "online" | "degraded" | "missing";
}

/** A path that is not served as it was wanted. */
export interface Drift {
  readonly mount_path: string;
  readonly kind: "missing_node" | "node_offline" | "failover_active";
  readonly severity: "error" | "warning";
  readonly selected_node_id: string;
  readonly desired_node_id: string;
  readonly message: string;
}

/** A project at a moment. */
export interface Workspace {
  /** The one that serves, per path. */
  readonly mounts: readonly WorkspaceMount[];
  readonly desired: readonly WorkspaceMount[];
  readonly drift: readonly Drift[];
  readonly availability: {
    readonly mounts_total: number;
    readonly online: number;
    readonly degraded: number;
    readonly missing: number;
  };
}

/**
 * Works out what a project shows.
 *
 * @param viewer Mounts that only lead to services hidden from it are left out; without one nothing is.
 * @param tokenFor Makes the token that opens a node's files, or says that there is none.
 */
export function workspaceOf(
  project: ProjectRecord,
  lookup: NodeLookup,
  viewer?: Viewer,
  tokenFor: (nodeId: string) => string | null = () => null,
): Workspace {
  const desired = project.mounts
    .filter((mount) => viewer === undefined || isShown(mount, lookup, viewer))
    .map((mount) => withState(mount, lookup, tokenFor));
  const byPath = Map.groupBy(desired, ({ mount_path }) => mount_path);
  const mounts: WorkspaceMount[] = [];
  const drift: Drift[] = [];
  for (const candidates of byPath.values()) {
    const selected = candidates.toSorted((one, other) => rank(other) - rank(one) || expiry(other) - expiry(one))[0];
    const [wanted] = candidates;
    if (selected === undefined || wanted === undefined) continue;
    mounts.push(selected);
    const found = driftOf(selected, wanted);
    if (found !== undefined) drift.push(found);
  }
  const count = (state: WorkspaceMount["state"]) => mounts.filter((mount) => mount.state === state).length;
  return {
    mounts,
    desired,
    drift,
    availability: {
      mounts_total: mounts.length,
      online: count("online"),
      degraded: count("degraded"),
      missing: count("missing"),
    },
  };

  function expiry({ node_id }: WorkspaceMount): number {
    return lookup.node(node_id)?.lease_expires_at_ms ?? 0;
  }
}

/** A mount that leads to a service is hidden with the service; one that leads to plain files is not. */
function isShown({ mount_path, node_id }: ProjectMount, lookup: NodeLookup, viewer: Viewer): boolean {
  const covers = (service: ServiceDescriptor) =>
    service.mounts.some((mount) => mount.mount_path === mount_path) || service.endpoints.includes(mount_path);
  return lookup.services(node_id).filter((service) => isInvokable(service) && covers(service))
    .every((service) => decideNodeService(viewer, service).allowed);
}

function withState(
  mount: ProjectMount,
  lookup: NodeLookup,
  tokenFor: (nodeId: string) => string | null,
): WorkspaceMount {
  const node = lookup.node(mount.node_id);
  if (node === undefined) {
    return { ...mount, node_name: null, fs_url: null, fs_auth_token: null, online: false, state: "missing" };
  }
  return {
    ...mount,
    node_name: node.node_name,
    fs_url: node.fs_url,
    fs_auth_token: tokenFor(node.node_id),
    online: node.online,
    state: node.online ? "online" : "degraded",
  };
}

function rank({ state }: WorkspaceMount): number {
  return { online: 2, degraded: 1, missing: 0 }[state];
}

function driftOf(selected: WorkspaceMount, wanted: WorkspaceMount): Drift | undefined {
  const about = {
    mount_path: selected.mount_path,
    selected_node_id: selected.node_id,
    desired_node_id: wanted.node_id,
  };
  if (selected.state === "missing") {
    return { ...about, kind: "missing_node", severity: "error", message: "no node serves this path" };
  }
  if (selected.state === "degraded") {
    return { ...about, kind: "node_offline", severity: "error", message: "the node is offline" };
  }
  if (selected.node_id === wanted.node_id) return undefined;
  return { ...about, kind: "failover_active", severity: "warning", message: "using healthy failover node" };
}
