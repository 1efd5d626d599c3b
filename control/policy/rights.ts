/**
 * Who speaks, and who may call what.
 *
 * Pure: an actor and what an operation asks for give a decision with its
 * reason. What projects and services permit comes on top of this.
 *
 * @module
 */

import type { Member, OperatorScope } from "../protocol/trust.ts";

/** Who speaks. */
export type Actor = { readonly role: "anonymous" } | Member;

/**
 * What an operation asks for. `anyone`: nothing. `node_secret`: a valid secret
 * in the payload, which the operation checks itself. `member`: a bearer token.
 * `admin`: an admin token, or an operator's with the scope of the operation.
 */
export type Access = "anyone" | "node_secret" | "member" | "admin";

/** Yes, or no with the reason for a person; either names the rule that decided. */
export type Decision = { readonly allowed: true; readonly rule: string } | Refusal;

/** A no. */
export interface Refusal {
  readonly allowed: false;
  readonly rule: string;
  /** Code of the error that says so on the wire. */
  readonly code: "forbidden" | "missing_field" | "project_auth_failed" | "project_policy_forbidden";
  readonly reason: string;
  readonly hint: string;
}

/** Whether `actor` may call an operation that asks for `access`, within `scope` if it has one. */
export function mayCall(actor: Actor, access: Access, scope?: OperatorScope): Decision {
  if (access === "anyone" || access === "node_secret") return { allowed: true, rule: `open to ${access}` };
  if (actor.role === "admin") return { allowed: true, rule: "admin may call everything" };
  if (actor.role === "anonymous") {
    return no(
      access === "admin"
        ? "operation requires admin token, the connection is anonymous"
        : "operation requires a token, the connection is anonymous",
      "connect with an Authorization: Bearer header (--token-file or ZSS_TOKEN)",
      "anonymous connections call only what is open to all",
    );
  }
  if (access === "member") return { allowed: true, rule: "every token may call it" };
  if (actor.role === "operator" && scope !== undefined && actor.scopes.includes(scope)) {
    return { allowed: true, rule: `the operator has the scope ${scope}` };
  }
  return no(
    `operation requires admin token, token "${actor.name}" has the role ${actor.role}`,
    scope === undefined
      ? "use an admin's token"
      : `use an admin's token, or an operator's: zss server token create NAME --role operator --scope ${scope}`,
    "the role is not enough",
  );
}

function no(reason: string, hint: string, rule: string): Refusal {
  return { allowed: false, rule, code: "forbidden", reason, hint };
}
