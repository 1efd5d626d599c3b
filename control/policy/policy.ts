/**
 * What the server asks before it shows or does something.
 *
 * A port: the answers depend on who asks and, in a richer policy, on projects
 * and on what services permit. Asked anew for each event, so an answer must be
 * quick and must not be kept by the caller.
 *
 * @module
 */

import type { Actor, Decision } from "./rights.ts";
import { maySeeNode } from "./rights.ts";

/** The port. */
export interface Policy {
  /** Whether somebody may watch the catalog at all. */
  mayWatch(actor: Actor): Decision;
  /** Whether somebody may see the events and the catalog of a node. */
  maySeeNode(actor: Actor, nodeId: string): boolean;
}

/** What an operator may set of it. */
export interface AdminPolicyOptions {
  /** Whether admins may watch. @default {true} */
  readonly watchAllowAdmin?: boolean;
}

/** An admin sees everything, nobody else anything. */
export function adminPolicy(options: AdminPolicyOptions = {}): Policy {
  return {
    mayWatch(actor) {
      if (actor.role !== "admin" || options.watchAllowAdmin !== false) return { allowed: true };
      return {
        allowed: false,
        reason: "node service watch is disabled for admin role",
        hint: "the operator can allow it with SPIDERWEB_NODE_SERVICE_WATCH_ALLOW_ADMIN=true",
      };
    },
    maySeeNode: (actor, nodeId) => maySeeNode(actor, nodeId),
  };
}
