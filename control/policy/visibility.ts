/**
 * What of the catalog somebody sees.
 *
 * An admin sees everything. Everybody else sees the nodes that are mounted in
 * the project of their session, if they may observe that project, and of these
 * the services that permit it; one that can be invoked shows only to who may
 * invoke. What is hidden is absent: nothing says that it exists.
 *
 * Pure.
 *
 * @module
 */

import type { ServiceDescriptor } from "../catalog/descriptor.ts";
import { isObject } from "../protocol/envelope.ts";
import type { FsAsker } from "../protocol/fs_frames.ts";
import { type Asker, decideProject, type ProjectRules } from "./project.ts";
import type { Decision } from "./rights.ts";
import { decideService } from "./service.ts";

/** A project with the nodes that are mounted in it. */
export interface ScopedProject extends ProjectRules {
  readonly mounts: readonly { readonly node_id: string; readonly export_name: string }[];
}

/** Who looks, from within which project. */
export interface Viewer extends Asker {
  /** The project of the session; `null` for none. */
  readonly project: ScopedProject | null;
}

/** Payload of an event or of `node_service_get`. */
export type CatalogPayload = Readonly<Record<string, unknown>>;

/** Whether a viewer sees a node at all. */
export function decideNode(viewer: Viewer, nodeId: string): Decision {
  if (viewer.actor.role === "admin") return { allowed: true, rule: "an admin sees every node" };
  const { project } = viewer;
  if (project === null) {
    return hidden("the session is bound to no project", "bind it to one with --project, or session_attach");
  }
  if (!project.mounts.some(({ node_id }) => node_id === nodeId)) {
    return hidden(
      `node ${nodeId} is not mounted in ${project.project_id}`,
      `mount one of its folders: zss project mount set ${project.project_id} ...`,
    );
  }
  return decideProject(project, "observe", viewer);
}

/** Whether a viewer who sees the node sees one of its services. */
export function decideNodeService(viewer: Viewer, service: ServiceDescriptor): Decision {
  if (viewer.actor.role === "admin") return { allowed: true, rule: "an admin sees every service" };
  const own = decideService(service.permissions, viewer.actor, viewer.token);
  if (!own.allowed || !isInvokable(service) || viewer.project === null) return own;
  return decideProject(viewer.project, "invoke", viewer);
}

/** What a node is told of a viewer, so that it can look at the permissions of its own manifest. */
export function askerOf({ actor, token }: Viewer): FsAsker | undefined {
  return actor.role === "admin" || actor.role === "anonymous" ? undefined : { role: actor.role, token };
}

/** Members of a runtime that name what does the work; a service with one takes invokes, whatever it says of itself. */
const workers = ["executable_path", "library_path", "module_path"] as const;

/** Whether a service takes invokes. */
export function isInvokable(
  { capabilities, ops, runtime }: Pick<ServiceDescriptor, "capabilities" | "ops" | "runtime">,
): boolean {
  const paths = ops["paths"];
  const isPath = (value: unknown) => typeof value === "string" && value.trim() !== "";
  return capabilities["invoke"] === true || workers.some((name) => isPath(runtime[name])) || isPath(ops["invoke"]) ||
    (isObject(paths) && isPath(paths["invoke"]));
}

/**
 * What a viewer gets of a catalog; the payload itself when nothing is hidden.
 * What stands in it besides the catalog, such as a delta, is as it was.
 *
 * @returns `undefined` when the node is hidden.
 */
export function visiblePart(viewer: Viewer, payload: CatalogPayload): CatalogPayload | undefined {
  if (!decideNode(viewer, String(payload["node_id"])).allowed) return undefined;
  const services = servicesOf(payload);
  const shown = services.filter((service) => decideNodeService(viewer, service).allowed);
  return shown.length === services.length ? payload : { ...payload, services: shown };
}

/** The services that a payload holds. */
export function servicesOf(payload: CatalogPayload): readonly ServiceDescriptor[] {
  return Array.isArray(payload["services"]) ? payload["services"] : [];
}

function hidden(rule: string, hint: string): Decision {
  return { allowed: false, rule, code: "forbidden", reason: rule, hint };
}
