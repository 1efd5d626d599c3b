/**
 * Every case that the policy of a project tells apart, with its decision.
 *
 * The cells are written down in `decision_cells.ts`, which a test compares with
 * what the rules say; docs/policy.md shows the same cells. Changing a rule means
 * changing the cells by hand.
 *
 * Pure.
 *
 * @module
 */

import { type AccessMode, projectActions } from "../protocol/trust.ts";
import { decideProject, type GivenToken, type ProjectRules } from "./project.ts";
import type { Actor } from "./rights.ts";
import type { Member } from "../protocol/trust.ts";
import { decideService } from "./service.ts";

/** Who asks: a role, and for a user what it has to do with the project. */
export const askers = ["anonymous", "admin", "operator", "creator", "user", "limited", "elsewhere"] as const;
/** Who asks. */
export type AskerKind = typeof askers[number];

/** What the project says about an action: a mode, or nothing with or without a token of the project. */
export const modes: readonly (AccessMode | "unset" | "locked")[] = [
  "unset",
  "locked",
  "open",
  "token",
  "admin",
  "deny",
];
/** What an override for the agent says; `none` for no override. */
export const overrides: readonly (AccessMode | "none")[] = ["none", "open", "token", "admin", "deny"];
/** What was given of the project's token. */
export const tokens: readonly GivenToken[] = ["none", "right", "wrong"];

const ACTION = projectActions[0];

const actors: Readonly<Record<AskerKind, Actor>> = {
  anonymous: { role: "anonymous" },
  admin: member("admin", "token-1"),
  operator: { ...member("operator", "token-2"), scopes: ["project"] },
  creator: member("user", "creator"),
  user: member("user", "token-3"),
  limited: { ...member("user", "token-4"), actions: ["invoke"] },
  elsewhere: { ...member("user", "token-5"), project_id: "proj-2" },
};

function member(role: Member["role"], token_id: string): Member {
  return { role, name: token_id, token_id, scopes: [], project_id: null, actions: null };
}

/** The decision of one cell as a word: `yes`, or the code of the refusal. */
export function projectCell(
  asker: AskerKind,
  mode: typeof modes[number],
  override: typeof overrides[number],
  token: GivenToken,
): string {
  const isSet = mode !== "unset" && mode !== "locked";
  const project: ProjectRules = {
    project_id: "proj-1",
    kind: "normal",
    creator_id: "creator",
    // A mode of token makes sense with a token only; without one it is asked for in vain.
    is_locked: mode !== "unset",
    access_policy: {
      actions: isSet ? { [ACTION]: mode } : {},
      agents: override === "none" ? {} : { bob: { [ACTION]: override } },
    },
  };
  const decision = decideProject(project, ACTION, { actor: actors[asker], agent_id: "bob", token });
  return decision.allowed ? "yes" : decision.code;
}

/** Permissions of a service, by the words of the page. */
export const permissions: Readonly<Record<string, unknown>> = {
  "nothing": {},
  "default: allow": { default: "allow" },
  "default: deny": { default: "deny" },
  "default: deny-by-default": { default: "deny-by-default" },
  "default: something else": { default: "perhaps" },
  "allow_roles: [user]": { allow_roles: ["user"] },
  "allow_roles: [*]": { allow_roles: ["*"] },
  "allow_roles: [operator]": { allow_roles: ["operator"] },
  "allow_roles: [admin]": { allow_roles: ["admin"] },
  "allow_roles: []": { allow_roles: [] },
  "allow_roles: user": { allow_roles: "user" },
  "require_project_token: true": { require_project_token: true },
  "project_token_required: true": { project_token_required: true },
  "require_project_token: false, project_token_required: true": {
    require_project_token: false,
    project_token_required: true,
  },
  "require_project_token: yes": { require_project_token: "yes" },
  "no object": "open",
};

/** Whether a service with these permissions shows: `yes` or `no`. */
export function serviceCell(permission: string, asker: AskerKind, token: GivenToken): string {
  return decideService(permissions[permission], actors[asker], token).allowed ? "yes" : "no";
}
