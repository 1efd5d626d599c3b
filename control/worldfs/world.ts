/**
 * The world as one tree of files: nodes and their services, projects, agents.
 *
 * Nothing is built ahead and nothing is kept: each directory is worked out when
 * somebody looks, from the catalog and the policy of that moment. What a viewer
 * may not see is not there, in any listing or by name.
 *
 * Pure. Where the tree goes on at a node, the entry says so and no more.
 *
 * Source: docs/protocol.md, "Runtime channel"; docs/world.md.
 *
 * @module
 */

import { decideNode } from "../policy/visibility.ts";
import { RUNTIME_PROTOCOL } from "../protocol/envelope.ts";
import { withAbout } from "./about.ts";
import { agentsDirectory } from "./agents_directory.ts";
import { debugDirectory } from "./debug_directory.ts";
import { directory, jsonFile, layered, type NodeFolders, type WorldDirectory, type WorldEntry } from "./entry.ts";
import { nodeDirectory, visibleNodes } from "./node_directory.ts";
import { isProjectVisible, projectDirectory, workspaceHealth } from "./project_directory.ts";
import type { WorldSource } from "./source.ts";

/** The messages of the runtime channel, as `/meta/protocol.json` lists them. */
export const RUNTIME_OPERATIONS = [
  "t_version",
  "t_attach",
  "t_walk",
  "t_open",
  "t_read",
  "t_write",
  "t_stat",
  "t_clunk",
  "t_flush",
] as const;

/** The root of the world. */
export function worldRoot(source: WorldSource): WorldDirectory {
  return directory({
    nodes: () => nodesDirectory(source),
    agents: () => agentsDirectory(source),
    projects: () => projectsDirectory(source),
    meta: () => metaDirectory(source),
    debug: () => debugDirectory(source),
    events: () => ({ kind: "events", node_id: undefined }),
  });
}

/**
 * What stands at a path, and what of the path is left for a node to follow.
 *
 * @param path Names from the root; no `.` or `..`, none empty.
 * @returns `undefined` where nothing is that the viewer sees.
 */
export function findEntry(
  source: WorldSource,
  path: readonly string[],
): { readonly entry: WorldEntry; readonly rest: readonly string[] } | undefined {
  let entry: WorldEntry = worldRoot(source);
  for (const [index, name] of path.entries()) {
    if (entry.kind === "node_tree") return { entry, rest: path.slice(index) };
    if (entry.kind === "node_folders") {
      if (entry.known !== undefined && !entry.known.includes(name)) return undefined;
      const { node_id, known, viewer }: NodeFolders = entry;
      entry = { kind: "node_tree", node_id, tree: name, isKnown: known !== undefined, viewer };
      continue;
    }
    if (entry.kind !== "directory") return undefined;
    const next: WorldEntry | undefined = entry.find(name);
    if (next === undefined) return undefined;
    entry = next;
  }
  return { entry, rest: [] };
}

function nodesDirectory(source: WorldSource): WorldDirectory {
  return layered(withAbout("Nodes", "The nodes that you see, by id."), {
    kind: "directory",
    find: (id) => decideNode(source.viewer, id).allowed ? nodeDirectory(source, id) : undefined,
    names: () => visibleNodes(source),
  });
}

function projectsDirectory(source: WorldSource): WorldDirectory {
  return layered(withAbout("Projects", "The projects that you may read, by id."), {
    kind: "directory",
    find(id) {
      const project = source.project(id);
      return project !== undefined && isProjectVisible(source, project) ? projectDirectory(source, project) : undefined;
    },
    names: () => source.projects().filter((one) => isProjectVisible(source, one)).map(({ project_id }) => project_id),
  });
}

function metaDirectory(source: WorldSource): WorldDirectory {
  const { project } = source.viewer;
  const bound = project === null ? undefined : source.project(project.project_id);
  const own = withAbout("Meta", "What this view of the world is.", {
    "protocol.json": () =>
      jsonFile(() => ({
        channel: "acheron",
        version: RUNTIME_PROTOCOL,
        layout: "world-v1",
        ops: RUNTIME_OPERATIONS,
      })),
    "view.json": () =>
      jsonFile(() => ({
        agent_id: source.viewer.agent_id,
        project_id: project?.project_id ?? null,
        show_debug: debugDirectory(source) !== undefined,
        nodes: visibleNodes(source).length,
        visible_agents: source.agents.size,
        project_links: project?.mounts.length ?? 0,
      })),
  });
  if (bound === undefined || !isProjectVisible(source, bound)) return own;
  return layered(
    own,
    directory({
      "workspace_status.json": () => jsonFile(() => source.workspace(bound)),
      "workspace_availability.json": () => jsonFile(() => source.workspace(bound).availability),
      "workspace_health.json": () => jsonFile(() => workspaceHealth(source.workspace(bound)).health),
      "workspace_alerts.json": () => jsonFile(() => workspaceHealth(source.workspace(bound)).alerts),
    }),
  );
}
