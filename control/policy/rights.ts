/**
 * Who may call what.
 *
 * Pure: an actor and what an operation asks for give a decision with its
 * reason. Scoping by project and service permissions comes on top of this.
 *
 * @module
 */

/** Who speaks. */
export type Actor =
  | { readonly role: "anonymous" }
  /** Somebody with an admin token; `name` is the token's name. */
  | { readonly role: "admin"; readonly name: string };

/**
 * What an operation asks for. `anyone`: nothing. `node_secret`: a valid secret
 * in the payload, which the operation checks itself. `admin`: an admin token.
 */
export type Access = "anyone" | "node_secret" | "admin";

/** Yes, or no with the reason for a person. */
export type Decision = { readonly allowed: true } | {
  readonly allowed: false;
  readonly reason: string;
  readonly hint: string;
};

/** Whether `actor` may call an operation that asks for `access`. */
export function mayCall(actor: Actor, access: Access): Decision {
  if (access !== "admin" || actor.role === "admin") return { allowed: true };
  return {
    allowed: false,
    reason: "operation requires admin token, the connection is anonymous",
    hint: "connect with an Authorization: Bearer header (--token-file or ZSS_TOKEN)",
  };
}

/** Whether `actor` may see the events and the catalog of a node. */
export function maySeeNode(actor: Actor, _nodeId: string): boolean {
  return actor.role === "admin";
}

/** Whether `actor` may reach the files of a node without that node's secret. */
export function mayReachNode(actor: Actor, nodeId: string): boolean {
  return maySeeNode(actor, nodeId);
}
