/**
 * `/projects/<id>`: the folders of a project as it mounts them, and how they are.
 *
 * @module
 */

import { decideProject } from "../policy/project.ts";
import { withAbout } from "./about.ts";
import { directory, jsonFile, layered, textFile, type WorldDirectory, type WorldEntry } from "./entry.ts";
import type { SourceMount, SourceProject, SourceWorkspace, WorldSource } from "./source.ts";

/** Whether the viewer may read a project; the one of the server is for admins. */
export function isProjectVisible(source: WorldSource, project: SourceProject): boolean {
  if (project.kind !== "normal" && source.viewer.actor.role !== "admin") return false;
  return decideProject(project, "read", source.viewerIn(project)).allowed;
}

/** The directory of a project that the viewer may read. */
export function projectDirectory(source: WorldSource, project: SourceProject): WorldDirectory {
  const id = project.project_id;
  const viewer = source.viewerIn(project);
  return withAbout("Project", `The project ${project.name}.`, {
    fs: () => filesDirectory(source, project),
    nodes: () => linksTo("Nodes", "/nodes/", nodesOf(source.workspace(project))),
    agents: () => linksTo("Agents", "/agents/", agentsOf(source, project)),
    meta: () => projectMeta(source, project),
    "PROJECT.json": () =>
      jsonFile(() => ({ project_id: id, name: project.name, vision: project.vision, status: project.status })),
    "CAPS.json": () =>
      jsonFile(() => {
        const may = (action: "read" | "observe" | "invoke" | "mount" | "admin") =>
          decideProject(project, action, viewer).allowed;
        return {
          read: may("read"),
          observe: may("observe"),
          invoke: may("invoke"),
          mount: may("mount"),
          admin: may("admin"),
        };
      }),
  });
}

/** The mounted folders under their paths, and beside them a link for each, as the reference names it. */
function filesDirectory(source: WorldSource, project: SourceProject): WorldEntry {
  const viewer = source.viewerIn(project);
  const mounts = source.workspace(project).actual_mounts;
  const whole = mounts.find(({ mount_path }) => mount_path === "/");
  const treeOf = (mount: SourceMount): WorldEntry => ({
    kind: "node_tree",
    node_id: mount.node_id,
    tree: mount.export_name,
    isKnown: true,
    viewer,
  });
  if (whole !== undefined) return treeOf(whole);
  const links = Object.fromEntries(
    mounts.map(({ mount_path, node_id }) => [
      `mount${mount_path.replaceAll("/", "::")}`,
      () => textFile(() => `/nodes/${node_id}/fs\n`),
    ]),
  );
  const about = withAbout("Files", `The folders that the project ${project.project_id} mounts.`, links);
  return layered(below("/"), about);

  /** Mounts never lie within each other, so a path is a mount or leads to some. */
  function below(prefix: string): WorldDirectory {
    return {
      kind: "directory",
      find(name) {
        const path = `${prefix}${name}`;
        const mount = mounts.find(({ mount_path }) => mount_path === path);
        if (mount !== undefined) return treeOf(mount);
        return mounts.some(({ mount_path }) => mount_path.startsWith(`${path}/`)) ? below(`${path}/`) : undefined;
      },
      names: () =>
        new Set(
          mounts.filter(({ mount_path }) => mount_path.startsWith(prefix)).map(({ mount_path }) =>
            mount_path.slice(prefix.length).split("/", 1)[0] ?? ""
          ),
        ),
    };
  }
}

function linksTo(title: string, prefix: string, ids: readonly string[]): WorldDirectory {
  const links = Object.fromEntries(ids.map((id) => [id, () => textFile(() => `${prefix}${id}\n`)]));
  return layered(withAbout(title, `Links to ${prefix}<id>.`), directory(links));
}

function nodesOf({ desired_mounts }: SourceWorkspace): string[] {
  return [...new Set(desired_mounts.map(({ node_id }) => node_id))];
}

function agentsOf(source: WorldSource, project: SourceProject): string[] {
  const { agent_id } = source.viewer;
  const isBound = source.viewer.project?.project_id === project.project_id;
  const named = Object.keys(project.access_policy.agents).filter((id) => source.agents.has(id));
  return [...new Set([...(isBound && agent_id !== null && agent_id !== "" ? [agent_id] : []), ...named])];
}

function projectMeta(source: WorldSource, project: SourceProject): WorldDirectory {
  const id = project.project_id;
  const status = () => source.workspace(project);
  const files: Readonly<Record<string, () => unknown>> = {
    "topology.json": () => topology(source, project, status()),
    "nodes.json": () => nodeStates(status()),
    "agents.json": () =>
      agentsOf(source, project).map((agent) => ({
        name: agent,
        target: `/agents/${agent}`,
        kind: agent === source.viewer.agent_id ? "self" : "visible",
      })),
    "sources.json": () => sourcesOf(id),
    "summary.json": () => summary(source, project, status()),
    "alerts.json": () => workspaceHealth(status()).alerts,
    "contracts.json": () => ({ version: "acheron-worldfs-project-contract-v1", project_id: id }),
    "paths.json": () => paths(source, id),
    "workspace_status.json": status,
    "mounts.json": () => status().actual_mounts,
    "desired_mounts.json": () => status().desired_mounts,
    "actual_mounts.json": () => status().actual_mounts,
    "drift.json": () => status().drift,
    "reconcile.json": () => {
      const { reconcile_state, queue_depth } = status();
      return { reconcile_state, queue_depth };
    },
    "availability.json": () => status().availability,
    "health.json": () => workspaceHealth(status()).health,
  };
  const made = Object.fromEntries(Object.entries(files).map(([name, value]) => [name, () => jsonFile(value)]));
  return withAbout("Meta", `The state of the project ${id}.`, made);
}

function topology(source: WorldSource, project: SourceProject, status: SourceWorkspace): object {
  return {
    project_id: project.project_id,
    agent_id: source.viewer.agent_id,
    nodes: nodesOf(status).map((id) => ({ id })),
    project_links: status.actual_mounts.map(({ mount_path, node_id, export_name }) => ({
      name: `mount${mount_path === "/" ? "::root" : mount_path.replaceAll("/", "::")}`,
      node_id,
      resource: export_name,
      target: `/nodes/${node_id}/fs`,
    })),
  };
}

/** The worst state of each node. */
function nodeStates({ actual_mounts, desired_mounts }: SourceWorkspace): object[] {
  const rank = { missing: 2, degraded: 1, online: 0 } as const;
  const byNode = Map.groupBy(desired_mounts, ({ node_id }) => node_id);
  return [...byNode].map(([node_id, wanted]) => ({
    node_id,
    state: wanted.map(({ state }) => state).reduce((worst, one) => rank[one] > rank[worst] ? one : worst),
    mounts: actual_mounts.filter((mount) => mount.node_id === node_id).length,
  }));
}

function sourcesOf(projectId: string): object {
  return {
    project_id: projectId,
    workspace_status: "control_plane",
    project_fs: "workspace_mounts",
    project_nodes: "workspace_mounts",
    nodes_meta: "workspace_mounts",
  };
}

function summary(source: WorldSource, project: SourceProject, status: SourceWorkspace): object {
  const { state } = workspaceHealth(status).health;
  return {
    project_id: project.project_id,
    sources: sourcesOf(project.project_id),
    counts: {
      policy_nodes: 0,
      policy_links: 0,
      visible_agents: source.agents.size,
      project_agent_links: agentsOf(source, project).length,
      project_node_links: nodesOf(status).length,
      project_mount_links: status.actual_mounts.length,
    },
    health: { state, reconcile_state: status.reconcile_state, queue_depth: status.queue_depth },
  };
}

function paths({ debug }: WorldSource, projectId: string): object {
  const root = `/projects/${projectId}`;
  return {
    project_root: root,
    fs_root: `${root}/fs`,
    nodes_root: `${root}/nodes`,
    agents_root: `${root}/agents`,
    meta_root: `${root}/meta`,
    global: {
      nodes: "/nodes",
      agents: "/agents",
      meta: "/meta",
      debug: debug.events || debug.invites || debug.requests ? "/debug" : null,
    },
  };
}

/** How a project is, in a word, and what is wrong with it. */
export function workspaceHealth(status: SourceWorkspace): {
  readonly health: { readonly state: string } & Readonly<Record<string, unknown>>;
  readonly alerts: readonly object[];
} {
  const { availability, drift, reconcile_state, queue_depth } = status;
  const isWorse = availability.degraded > 0 || drift.count > 0 || queue_depth > 0 || reconcile_state === "degraded";
  const state = availability.missing > 0 ? "missing" : isWorse ? "degraded" : "healthy";
  const alert = (id: string, severity: string, count: number, message: string) =>
    count > 0 ? [{ id, severity, count, message }] : [];
  return {
    health: { state, availability, drift_count: drift.count, reconcile_state, queue_depth },
    alerts: [
      ...alert("missing_mounts", "error", availability.missing, "no node serves some of the mounts"),
      ...alert("degraded_mounts", "warning", availability.degraded, "the nodes of some mounts are offline"),
      ...alert("workspace_drift", "warning", drift.count, "some paths are not served as they were wanted"),
      ...(reconcile_state === "degraded"
        ? [{ id: "reconcile_degraded", severity: "warning", message: "what is wanted cannot be reached" }]
        : []),
      ...alert("reconcile_queue", "info", queue_depth, "some paths wait for a node"),
    ],
  };
}
