/**
 * Whether somebody may read or write a file of a node.
 *
 * A node offers trees by name: `svc-<service_id>` holds the files of a service,
 * `terminal-<id>` those of a terminal, every other one is a folder. A folder is there for who may read the project in
 * which it is mounted, a service for who sees it in the catalog. To write is to
 * make something happen on the node, so it asks for the action `invoke`; what
 * operates a service for everybody (switching it off, its configuration) asks
 * for `admin`. What is hidden is answered like what does not exist.
 *
 * Pure.
 *
 * @module
 */

import type { ServiceDescriptor } from "../catalog/descriptor.ts";
import { isObject } from "../protocol/envelope.ts";
import { DEFAULT_INVOKE_PATH, serviceOfTree } from "../protocol/fs.ts";
import type { ProjectAction } from "../protocol/trust.ts";
import { decideProject } from "./project.ts";
import type { Decision } from "./rights.ts";
import { decideNode, decideNodeService, type Viewer } from "./visibility.ts";

/** A file of a node. */
export interface NodePath {
  readonly node_id: string;
  /** Name of the tree, as the node lists it. */
  readonly tree: string;
  /** Path within the tree, joined by slashes; empty for its root. */
  readonly path: string;
}

/** What is done with a file. To list, look at and read are one. */
export type PathAct = "read" | "write";

/** A decision about a file. */
export type PathDecision = Decision & {
  /** Whether even that it exists is a secret: the answer is then that of a file that does not exist. */
  readonly isHidden: boolean;
};

/** The files of a service by which it is operated for everybody who uses it. */
const operatorFiles: ReadonlySet<string> = new Set([
  "config.json",
  "control/enable",
  "control/disable",
  "control/restart",
  "control/reset",
]);

/**
 * Decides about one file.
 *
 * @param services What the catalog of the node holds at this moment.
 */
export function decideNodePath(
  viewer: Viewer,
  services: readonly ServiceDescriptor[],
  place: NodePath,
  act: PathAct,
): PathDecision {
  if (viewer.actor.role === "admin") return { allowed: true, rule: "an admin may do everything", isHidden: false };
  const node = decideNode(viewer, place.node_id);
  if (!node.allowed) return { ...node, isHidden: true };
  const service_id = serviceOfTree(place.tree);
  const seen = service_id === undefined ? decideFolder(viewer, place) : decideServiceTree(viewer, services, service_id);
  if (!seen.allowed) return { ...seen, isHidden: true };
  if (act === "read") return { ...seen, isHidden: false };
  if (viewer.project === null) return { ...absent("the session is bound to no project"), isHidden: true };
  return { ...decideProject(viewer.project, actionOf(place), viewer), isHidden: false };
}

/** The action on a project that writing to a file asks for. */
export function actionOf({ tree, path }: Pick<NodePath, "tree" | "path">): ProjectAction {
  return serviceOfTree(tree) !== undefined && operatorFiles.has(path) ? "admin" : "invoke";
}

/**
 * Where a service is invoked, from the root of its tree, or from the root of the
 * world where that begins with a slash.
 */
export function invokePathOf({ ops }: Pick<ServiceDescriptor, "ops">): string {
  const paths = ops["paths"];
  for (const value of [ops["invoke"], isObject(paths) ? paths["invoke"] : undefined]) {
    if (typeof value === "string" && value.trim() !== "") return value.trim();
  }
  return DEFAULT_INVOKE_PATH;
}

function decideServiceTree(viewer: Viewer, services: readonly ServiceDescriptor[], id: string): Decision {
  const service = services.find(({ service_id }) => service_id === id);
  return service === undefined ? absent(`the node publishes no service ${id}`) : decideNodeService(viewer, service);
}

function decideFolder(viewer: Viewer, { node_id, tree }: NodePath): Decision {
  const { project } = viewer;
  if (project === null) return absent("the session is bound to no project");
  const isMounted = project.mounts.some((mount) => mount.node_id === node_id && mount.export_name === tree);
  if (!isMounted) return absent(`the folder ${tree} of ${node_id} is not mounted in ${project.project_id}`);
  return decideProject(project, "read", viewer);
}

function absent(rule: string): Decision {
  return { allowed: false, rule, code: "forbidden", reason: rule, hint: "zss workspace status shows what is mounted" };
}
