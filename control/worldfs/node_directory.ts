/**
 * `/nodes/<id>`: what a node says of itself, its services, and the places where
 * its trees begin.
 *
 * @module
 */

import type { ServiceDescriptor } from "../catalog/descriptor.ts";
import { decideNodePath, invokePathOf } from "../policy/node_path.ts";
import { decideNode, decideNodeService, isInvokable, type Viewer } from "../policy/visibility.ts";
import { serviceOfTree, treeOfService } from "../protocol/fs.ts";
import { directory, jsonFile, layered, textFile, type WorldDirectory, type WorldEntry } from "./entry.ts";
import type { WorldSource } from "./source.ts";
import { withAbout } from "./about.ts";

/** Kinds of services that have a root of their own name. */
const ROOT_KINDS: ReadonlySet<string> = new Set(["camera", "screen", "user"]);

/** Beginnings of paths that are absolute when a service names where it is invoked. */
const WORLD_ROOTS = ["/nodes/", "/agents/", "/projects/", "/debug/", "/meta/"];

/** A name in a path that leads to a tree. */
const ROOT_NAME = /^[A-Za-z0-9._-]+$/;

/** The directory of a node; `undefined` for one that is neither known nor mounted. */
export function nodeDirectory(source: WorldSource, nodeId: string): WorldDirectory | undefined {
  const node = source.node(nodeId);
  if (node === undefined && source.viewer.project?.mounts.some((mount) => mount.node_id === nodeId) !== true) {
    return undefined;
  }
  const own = withAbout("Node", `What is known of the node ${nodeId}, its services and its files.`, {
    ...(node === undefined ? {} : { "NODE.json": () => jsonFile(() => ({ node: source.nodeSummary(node) })) }),
    "STATUS.json": () => jsonFile(() => nodeStatus(source, nodeId)),
    "SCHEMA.json": () => jsonFile(() => ({ kind: "node", children: "services + mount roots" })),
    "CAPS.json": () => jsonFile(() => nodeCaps(visibleServices(source, nodeId))),
    services: () => servicesDirectory(source, nodeId),
    events: () => ({ kind: "events", node_id: nodeId }),
  });
  return layered(own, { kind: "directory", find: (name) => roots().find(name), names: () => roots().names() });

  function roots(): WorldDirectory {
    return asDirectory(mountRoots(source, nodeId));
  }
}

/** Names of the nodes that are seen, those that are only mounted last. */
export function visibleNodes(source: WorldSource): string[] {
  const { viewer } = source;
  const mounted = (viewer.project?.mounts ?? []).map(({ node_id }) => node_id);
  const known = viewer.actor.role === "admin" ? source.nodes().map(({ node_id }) => node_id) : [];
  return [...new Set([...known, ...mounted])].filter((id) => decideNode(viewer, id).allowed);
}

/** The services of a node that the viewer sees, in the order of the catalog. */
export function visibleServices(source: WorldSource, nodeId: string): readonly ServiceDescriptor[] {
  if (source.node(nodeId) === undefined) return [];
  return source.services(nodeId).filter((service) => decideNodeService(source.viewer, service).allowed);
}

function nodeStatus(source: WorldSource, nodeId: string): object {
  const node = source.node(nodeId);
  if (node === undefined) return { node_id: nodeId, state: "unknown", online: false, source: "workspace_discovery" };
  return {
    node_id: nodeId,
    node_name: node.node_name,
    state: node.online ? "online" : "degraded",
    online: node.online,
    lease_expires_at_ms: node.lease_expires_at_ms,
    last_seen_ms: node.last_seen_ms,
    joined_at_ms: node.joined_at_ms,
    ...(node.offline_since_ms === null ? {} : { offline_since_ms: node.offline_since_ms }),
    fs_url: node.fs_url,
    source: "control_plane",
  };
}

function nodeCaps(services: readonly ServiceDescriptor[]): object {
  const has = (kind: string) => services.some((service) => service.kind === kind);
  return {
    fs: has("fs"),
    camera: has("camera"),
    screen: has("screen"),
    user: has("user"),
    terminal: services.some((service) => terminalId(service) !== undefined || service.kind === "terminal"),
  };
}

function servicesDirectory(source: WorldSource, nodeId: string): WorldDirectory {
  const find = (id: string) => {
    const service = source.node(nodeId) === undefined
      ? undefined
      : source.services(nodeId).find(({ service_id }) => service_id === id);
    return service !== undefined && decideNodeService(source.viewer, service).allowed ? service : undefined;
  };
  const about = withAbout("Services", `The services of the node ${nodeId}.`, {
    "SERVICES.json": () =>
      jsonFile(() =>
        visibleServices(source, nodeId).map(({ service_id, kind, state, endpoints }) => ({
          service_id,
          kind,
          state,
          endpoint: endpoints[0] ?? `/nodes/${nodeId}/${service_id}`,
        }))
      ),
  });
  return layered(about, {
    kind: "directory",
    find(name) {
      const service = find(name);
      return service === undefined ? undefined : serviceDirectory(nodeId, service);
    },
    names: () => visibleServices(source, nodeId).map(({ service_id }) => service_id),
  });
}

function serviceDirectory(nodeId: string, service: ServiceDescriptor): WorldDirectory {
  const { service_id, kind, state, endpoints } = service;
  const files: Readonly<Record<string, () => unknown>> = {
    "SCHEMA.json": () => service.schema,
    "STATUS.json": () => ({
      service_id,
      kind,
      state,
      endpoint: endpoints[0] ?? `/nodes/${nodeId}/${service_id}`,
      has_invoke: isInvokable(service),
      invoke_path: invokeTarget(nodeId, service),
      root_path: serviceRoot(nodeId, service),
    }),
    "CAPS.json": () => service.capabilities,
    "MOUNTS.json": () => service.mounts,
    "OPS.json": () => service.ops,
    "RUNTIME.json": () => service.runtime,
    "PERMISSIONS.json": () => service.permissions,
  };
  return directory({
    "README.md": () => textFile(() => service.help_md ?? `# Service ${service_id}\n`),
    ...Object.fromEntries(Object.entries(files).map(([name, value]) => [name, () => jsonFile(value)])),
  });
}

/** Path at which the files of a service begin. */
export function serviceRoot(
  nodeId: string,
  { service_id, mounts, endpoints }: Pick<ServiceDescriptor, "service_id" | "mounts" | "endpoints">,
): string {
  return mounts[0]?.mount_path ?? endpoints[0] ?? `/nodes/${nodeId}/services/${service_id}`;
}

/** Path of the file that invokes a service when it is written. */
export function invokeTarget(nodeId: string, service: ServiceDescriptor): string {
  const target = invokePathOf(service);
  if (WORLD_ROOTS.some((root) => target.startsWith(root))) return target;
  return `${serviceRoot(nodeId, service).replace(/\/+$/, "")}/${target.replace(/^\/+/, "")}`;
}

/** Places below a node, by name; a place is a tree or holds further places. */
interface Places {
  readonly children: Map<string, Places>;
  entry: WorldEntry | undefined;
}

/**
 * Places that were worked out before: for a catalog and a viewer, neither of which ever changes, they stay the same,
 * and each request asks for them several times. They go with the catalog.
 */
const workedOut = new WeakMap<readonly ServiceDescriptor[], WeakMap<Viewer, Places>>();

/** Where the trees of a node begin, as far as the viewer sees them. */
function mountRoots(source: WorldSource, nodeId: string): Places {
  if (source.node(nodeId) === undefined) return { children: new Map(), entry: undefined };
  const services = source.services(nodeId);
  let ofCatalog = workedOut.get(services);
  if (ofCatalog === undefined) workedOut.set(services, ofCatalog = new WeakMap());
  let places = ofCatalog.get(source.viewer);
  if (places === undefined) ofCatalog.set(source.viewer, places = workOutRoots(source, nodeId));
  return places;
}

function workOutRoots(source: WorldSource, nodeId: string): Places {
  const top: Places = { children: new Map(), entry: undefined };
  const { viewer } = source;
  for (const service of visibleServices(source, nodeId)) {
    const entry: WorldEntry = service.kind === "fs"
      ? { kind: "node_folders", node_id: nodeId, viewer, known: knownFolders(source, nodeId) }
      : { kind: "node_tree", node_id: nodeId, tree: treeOfService(service.service_id), isKnown: true, viewer };
    for (const path of rootPaths(nodeId, service)) place(top, path, entry);
  }
  return top;
}

/** The paths below `/nodes/<id>/` at which a service stands, the exact ones first. */
function rootPaths(nodeId: string, service: ServiceDescriptor): string[][] {
  const prefix = `/nodes/${nodeId}/`;
  const below = (path: string) =>
    path.startsWith(prefix) ? [path.slice(prefix.length).split("/").filter((name) => name !== "")] : [];
  const paths = service.mounts.flatMap(({ mount_path }) => below(mount_path));
  const terminal = terminalId(service);
  if (terminal !== undefined) paths.push(["terminal", terminal]);
  else if (service.kind === "fs") paths.push(["fs"]);
  else if (ROOT_KINDS.has(service.kind)) paths.push([service.kind]);
  if (terminal === undefined && service.endpoints[0] !== undefined) paths.push(...below(service.endpoints[0]));
  return paths.filter((path) =>
    path.length > 0 && path.every((name) => ROOT_NAME.test(name) && name !== "." && name !== "..")
  );
}

/** Id of a terminal, from `terminal-<id>` or `.../terminal/<id>`. */
function terminalId({ service_id, endpoints }: ServiceDescriptor): string | undefined {
  const named = /^terminal-(.+)$/.exec(service_id)?.[1];
  return named ?? /\/terminal\/([^/]+)/.exec(endpoints[0] ?? "")?.[1];
}

/** Puts an entry at a path unless something stands there, or above, already. */
function place(top: Places, path: readonly string[], entry: WorldEntry): void {
  let here = top;
  for (const name of path) {
    if (here.entry !== undefined) return;
    let next = here.children.get(name);
    if (next === undefined) here.children.set(name, next = { children: new Map(), entry: undefined });
    here = next;
  }
  if (here.children.size === 0) here.entry ??= entry;
}

function asDirectory({ children }: Places): WorldDirectory {
  return {
    kind: "directory",
    find(name) {
      const next = children.get(name);
      return next === undefined ? undefined : next.entry ?? asDirectory(next);
    },
    names: () => children.keys(),
  };
}

/** The folders of a node that somebody sees who is no admin: those that are mounted in the project. */
function knownFolders({ viewer, services }: WorldSource, nodeId: string): readonly string[] | undefined {
  if (viewer.actor.role === "admin") return undefined;
  const names = (viewer.project?.mounts ?? []).filter(({ node_id }) => node_id === nodeId).map(({ export_name }) =>
    export_name
  );
  return [...new Set(names)].filter((tree) =>
    serviceOfTree(tree) === undefined &&
    decideNodePath(viewer, services(nodeId), { node_id: nodeId, tree, path: "" }, "read").allowed
  );
}
