/**
 * The words of roles and policies, once for the wire, the store and the rules.
 *
 * Source: docs/policy.md.
 *
 * @module
 */

/** What the holder of a token is. */
export const roles = ["admin", "user", "operator"] as const;
/** What the holder of a token is. */
export type Role = typeof roles[number];

/** What an operator may do in an admin's place: invite nodes, decide about those that ask, change projects. */
export const operatorScopes = ["node", "operator", "project"] as const;
/** What an operator may do in an admin's place. */
export type OperatorScope = typeof operatorScopes[number];

/** What the policy of a project is about, in the order in which it is written. */
export const projectActions = ["read", "observe", "invoke", "mount", "admin"] as const;
/** What the policy of a project is about. */
export type ProjectAction = typeof projectActions[number];

/** Whom a bearer token stands for, and what it is good for. */
export interface Member {
  readonly role: Role;
  /** Name of the token. */
  readonly name: string;
  /** Id of the token; `preset` for the one that the operator of the server chose. */
  readonly token_id: string;
  /** Of an operator: which operations of an admin it may call. */
  readonly scopes: readonly OperatorScope[];
  /** The only project that the token is good for; `null` for any. */
  readonly project_id: string | null;
  /** The only actions on projects that the token is good for; `null` for any. */
  readonly actions: readonly ProjectAction[] | null;
}

/** How an action is permitted. */
export type AccessMode = "open" | "token" | "admin" | "deny";

/** Modes of some actions. */
export type ActionModes = Readonly<Partial<Record<ProjectAction, AccessMode>>>;

/** The policy of a project as it is kept and shown. */
export interface AccessPolicy {
  readonly actions: ActionModes;
  /** What differs for single agents. */
  readonly agents: Readonly<Record<string, ActionModes>>;
}
