/**
 * From a connection to the one who asks, for the policies.
 *
 * @module
 */

import { secretMatches } from "../pairing/tokens.ts";
import { decideProject, type GivenToken } from "../policy/project.ts";
import type { ProjectAction } from "../protocol/trust.ts";
import type { Actor, Decision } from "../policy/rights.ts";
import type { Viewer } from "../policy/visibility.ts";
import { PRIMARY_AGENT, SYSTEM_PROJECT } from "../projects/projects.ts";
import { ZssError } from "../protocol/errors.ts";
import type { ProjectRecord } from "../store/records.ts";
import type { RecordReader } from "../store/store.ts";
import type { Binding } from "./bindings.ts";

/** Who looks, from within the project of a session, as things stand now. */
export function viewerOf(reader: RecordReader, actor: Actor, binding: Binding): Viewer {
  const project = binding.project_id === null ? null : reader.get("project", binding.project_id) ?? null;
  return {
    actor,
    agent_id: binding.agent_id,
    project,
    token: project === null ? "none" : givenToken(project, binding.project_token),
  };
}

/**
 * The same again and again, for who looks at every event: worked out only when
 * the project's record is another one, for it compares the digest of a token.
 */
export function viewerSource(reader: RecordReader, actor: Actor, binding: Binding): () => Viewer {
  let viewer = viewerOf(reader, actor, binding);
  return () => {
    const project = binding.project_id === null ? null : reader.get("project", binding.project_id) ?? null;
    if (project !== viewer.project) viewer = viewerOf(reader, actor, binding);
    return viewer;
  };
}

/** What was given of a project's token. */
export function givenToken(project: ProjectRecord, token: string | undefined): GivenToken {
  if (token === undefined) return "none";
  return project.token_hash !== null && secretMatches(token, project.token_hash) ? "right" : "wrong";
}

/** What two viewers have in common who see the same; for what is made once for both. */
export function viewKey({ actor, agent_id, project, token }: Viewer): string {
  if (actor.role === "anonymous") return "anonymous";
  const rights = [actor.role, actor.project_id, actor.actions?.join() ?? null];
  const isCreator = project !== null && project.creator_id === actor.token_id;
  return JSON.stringify([...rights, isCreator, agent_id, project?.project_id ?? null, token]);
}

/** Who asks to do something with a project, with the token that came with the request. */
export function decideFor(
  actor: Actor,
  agentId: string | null,
  project: ProjectRecord,
  action: ProjectAction,
  token: string | undefined,
): Decision {
  return decideProject(project, action, { actor, agent_id: agentId, token: givenToken(project, token) });
}

/**
 * Refuses what a decision refuses.
 *
 * @param what What was asked for, as a verb and its object: `update project "proj-1"`.
 * @throws {ZssError} With the decision's code, reason, hint and rule.
 */
export function requireAllowed(decision: Decision, what: string): string {
  if (decision.allowed) return decision.rule;
  throw new ZssError(decision.code, `Cannot ${what}: ${decision.reason}`, {
    hint: decision.hint,
    data: { rule: decision.rule },
    ...(decision.code === "missing_field" ? { path: "/project_token" } : {}),
  });
}

/** The system project and its agent are for admins only. @throws {ZssError} `project_assignment_forbidden`. */
export function requireAssignable(actor: Actor, project: Pick<ProjectRecord, "project_id">, what: string): void {
  if (actor.role === "admin" || project.project_id !== SYSTEM_PROJECT) return;
  throw new ZssError(
    "project_assignment_forbidden",
    `Cannot ${what}: the system project belongs to agent ${PRIMARY_AGENT} and to admins`,
    { path: "/project_id", hint: "use a project of your own: zss project list" },
  );
}
