/**
 * What operations on projects have in common: who may, and who hears of it.
 *
 * @module
 */

import { catalogOf, catalogPayload, noDelta } from "../pairing/node_events.ts";
import type { ProjectAction } from "../protocol/trust.ts";
import { ZssError } from "../protocol/errors.ts";
import { findProject } from "../projects/projects.ts";
import type { ProjectRecord } from "../store/records.ts";
import type { RecordReader, Transaction } from "../store/store.ts";
import type { OpContext } from "./handler.ts";
import { decideFor, requireAllowed, requireAssignable } from "./viewer.ts";

/**
 * Finds a project on which the caller may do something.
 *
 * Overrides count that are about the agent of the active session.
 *
 * @throws {ZssError} `project_not_found`, `project_assignment_forbidden`, or what the project's policy says.
 */
export function accessProject(
  { session, note }: OpContext,
  reader: Pick<RecordReader, "get">,
  request: { readonly project_id: string; readonly project_token?: string | undefined },
  action: ProjectAction,
  what: string,
): ProjectRecord {
  note({ target: request.project_id });
  const project = findProject(reader, request.project_id);
  const full = `${what} project "${project.project_id}"`;
  requireAssignable(session.actor, project, full);
  const decision = decideFor(session.actor, session.bindings.active.agent_id, project, action, request.project_token);
  note({ rule: decision.rule });
  requireAllowed(decision, full);
  return project;
}

/**
 * Whether the caller may make a project: one with a token that is limited to
 * other projects or to other actions may not, for it would escape its limits.
 *
 * @param needs What it could do with the project that it makes.
 * @throws {ZssError} `project_policy_forbidden`.
 */
export function requireMayCreate({ session, note }: OpContext, needs: readonly ProjectAction[]): string {
  const { actor } = session;
  if (actor.role === "anonymous") throw new TypeError("An anonymous connection came to make a project");
  const rule = "tokens that are limited make no projects beyond their limits";
  const missing = needs.find((action) => actor.actions !== null && !actor.actions.includes(action));
  if (actor.project_id === null && missing === undefined) return actor.token_id;
  note({ rule });
  throw new ZssError(
    "project_policy_forbidden",
    `Cannot make a project: token "${actor.name}" is good for ${
      actor.project_id === null ? `other actions than ${missing}` : `project ${actor.project_id}`
    } only`,
    { hint: "use a token without such a limit", data: { rule } },
  );
}

/**
 * Whether the caller may mount folders of a node: an admin, an operator with the
 * scope project, and whoever sees the node already. Everybody else would grant
 * itself the sight of it. Says the same of a node that does not exist.
 *
 * @throws {ZssError} `project_policy_forbidden`.
 */
export function requireMountable({ session }: OpContext, reader: Pick<RecordReader, "list">, nodeId: string): void {
  const { actor, bindings } = session;
  if (actor.role === "admin" || (actor.role === "operator" && actor.scopes.includes("project"))) return;
  const { agent_id } = bindings.active;
  const sees = reader.list("project").some((project) =>
    project.mounts.some(({ node_id }) => node_id === nodeId) &&
    decideFor(actor, agent_id, project, "observe", undefined).allowed
  );
  if (sees) return;
  const rule = "a node is mounted first by an admin, or by an operator with the scope project";
  throw new ZssError("project_policy_forbidden", `Cannot mount a folder of node "${nodeId}": you see no such node`, {
    path: "/node_id",
    hint: `${rule}; then by whoever sees it`,
    data: { rule },
  });
}

/** At most so many projects are made with one token. */
const MAX_PROJECTS_PER_TOKEN = 256;

/** @throws {ZssError} `project_limit`. */
export function requireFewProjects(
  reader: Pick<RecordReader, "list">,
  { session }: OpContext,
  creatorId: string,
): void {
  if (session.actor.role === "admin") return;
  if (reader.list("project").filter(({ creator_id }) => creator_id === creatorId).length < MAX_PROJECTS_PER_TOKEN) {
    return;
  }
  throw new ZssError("project_limit", `Cannot make a project: ${MAX_PROJECTS_PER_TOKEN} were made with this token`, {
    hint: "delete one first: zss project delete",
  });
}

/**
 * Writes an event for each node that somebody may see now who did not before,
 * or the other way round: those that are mounted, or were.
 */
export function visibilityChanged(
  tx: Transaction,
  before: ProjectRecord | undefined,
  after: ProjectRecord | undefined,
  now: number,
): void {
  const mounts = [...before?.mounts ?? [], ...after?.mounts ?? []];
  for (const nodeId of new Set(mounts.map(({ node_id }) => node_id))) {
    const node = tx.get("node", nodeId);
    if (node === undefined) continue;
    const catalog = catalogOf(tx, nodeId);
    const payload = { ...catalogPayload(node, catalog), service_delta: noDelta(now) };
    const revision = tx.append({ kind: "visibility", node_id: nodeId, timestamp_ms: now, payload });
    tx.put("catalog", nodeId, { ...catalog, revision });
  }
}
