/**
 * Whether somebody may do something with a project.
 *
 * An admin always may. For everybody else the mode decides that the agent's
 * override names, else the project's policy, else the state of the project: one
 * whose token was rotated asks for that token, any other is private to whoever
 * made it. The table of all cases stands in docs/policy.md.
 *
 * Pure.
 *
 * @module
 */

import type { AccessMode, AccessPolicy, ProjectAction } from "../protocol/trust.ts";
import type { Actor, Decision, Refusal } from "./rights.ts";

/** What of a project a decision looks at. */
export interface ProjectRules {
  readonly project_id: string;
  readonly kind: "normal" | "system_builtin";
  /** Id of the token that made it; `null` for the server itself. */
  readonly creator_id: string | null;
  /** Whether a token was made for it and not revoked. */
  readonly is_locked: boolean;
  readonly access_policy: AccessPolicy;
}

/** What was given of a project's token: none, the right one, or another. */
export type GivenToken = "none" | "right" | "wrong";

/** Who asks, on whose behalf, with what. */
export interface Asker {
  readonly actor: Actor;
  /** The agent that the session is bound to; overrides are about it. */
  readonly agent_id: string | null;
  readonly token: GivenToken;
}

/** How an action is permitted when the role does not decide: `creator` is what nobody has said anything about. */
export interface Resolved {
  readonly mode: AccessMode | "creator";
  /** Where that stands. */
  readonly source: "agent" | "project" | "lock" | "default";
}

/** The mode of an action for an agent. */
export function resolveMode(project: ProjectRules, action: ProjectAction, agentId: string | null): Resolved {
  const { access_policy: policy } = project;
  const override = agentId !== null && Object.hasOwn(policy.agents, agentId)
    ? policy.agents[agentId]?.[action]
    : undefined;
  if (override !== undefined) return { mode: override, source: "agent" };
  const own = policy.actions[action];
  if (own !== undefined) return { mode: own, source: "project" };
  return project.is_locked ? { mode: "token", source: "lock" } : { mode: "creator", source: "default" };
}

/** Whether `asker` may do `action` with a project. */
export function decideProject(project: ProjectRules, action: ProjectAction, asker: Asker): Decision {
  const { actor, agent_id: agentId, token } = asker;
  const id = project.project_id;
  if (actor.role === "admin") return yes("an admin may do everything");
  if (actor.role === "anonymous") {
    return no(
      "forbidden",
      "the connection has no token",
      "connect with a token",
      "anonymous connections see no project",
    );
  }
  if (actor.project_id !== null && actor.project_id !== id) {
    return no(
      "project_policy_forbidden",
      `token "${actor.name}" is good for project ${actor.project_id} only`,
      "use another token",
      "the token names another project",
    );
  }
  if (actor.actions !== null && !actor.actions.includes(action)) {
    return no(
      "project_policy_forbidden",
      `token "${actor.name}" is not good for the action ${action}`,
      "use a token that names it, or none in particular",
      "the token does not name the action",
    );
  }
  const { mode, source } = resolveMode(project, action, agentId);
  const where = {
    agent: `the policy of ${id} says so for agent ${agentId}: ${action} is ${mode}`,
    project: `the policy of ${id}: ${action} is ${mode}`,
    lock: `${id} has a token and its policy does not name ${action}`,
    default: `${id} is private: its policy does not name ${action}`,
  }[source];
  switch (mode) {
    case "open":
      return yes(where);
    case "token":
      return tokenDecision(project, token, action, where);
    case "creator":
      if (project.creator_id !== null && project.creator_id === actor.token_id) return yes(`${actor.name} made ${id}`);
      return no(
        "project_policy_forbidden",
        `project ${id} is private to whoever made it`,
        `its owner can open it: zss project update ${id} --access ${action}=open`,
        where,
      );
    case "admin":
    case "deny":
      return no(
        "project_policy_forbidden",
        `project ${id} does not permit the action ${action}`,
        "ask an admin",
        where,
      );
  }
}

function tokenDecision(project: ProjectRules, token: GivenToken, action: ProjectAction, where: string): Decision {
  const id = project.project_id;
  if (!project.is_locked && token !== "none") {
    return no(
      "project_auth_failed",
      `project ${id} asks for a token for the action ${action} and has none`,
      `make one: zss project token rotate ${id}`,
      where,
    );
  }
  if (token === "right") return yes(`the token of ${id} was given`);
  return token === "none"
    ? no(
      "missing_field",
      `the token of project ${id} is required`,
      "give it as ZSS_PROJECT_TOKEN, or as project_token of the request",
      where,
    )
    : no("project_auth_failed", `this is not the token of project ${id}`, "it may have been rotated", where);
}

function yes(rule: string): Decision {
  return { allowed: true, rule };
}

function no(code: Refusal["code"], reason: string, hint: string, rule: string): Decision {
  return { allowed: false, code, reason, hint, rule };
}
