/**
 * Whether somebody may see and invoke a service, by what its manifest permits.
 *
 * Fails closed: permissions that cannot be read hide the service. Pure.
 *
 * @module
 */

import { isObject } from "../protocol/envelope.ts";
import type { GivenToken } from "./project.ts";
import type { Actor, Decision } from "./rights.ts";

/** Whether the permissions of a service let `actor` see it, and use it. The server asks, and the node once more. */
export function decideService(permissions: unknown, actor: Pick<Actor, "role">, token: GivenToken): Decision {
  if (actor.role === "admin") return { allowed: true, rule: "an admin may do everything" };
  if (actor.role === "anonymous") return no("anonymous connections see no service");
  if (permissions === undefined) return { allowed: true, rule: "the service permits everybody" };
  if (!isObject(permissions)) return no("its permissions cannot be read");
  const needsToken = permissions["require_project_token"] ?? permissions["project_token_required"];
  if (needsToken !== undefined && typeof needsToken !== "boolean") return no("require_project_token cannot be read");
  if (needsToken === true && token !== "right") return no("it requires the project's token");
  const roles = permissions["allow_roles"];
  if (roles !== undefined) {
    if (!Array.isArray(roles)) return no("allow_roles cannot be read");
    const isNamed = roles.some((role) => role === actor.role || role === "user" || role === "*" || role === "all");
    return isNamed
      ? { allowed: true, rule: "allow_roles names the role" }
      : no(`allow_roles does not name ${actor.role}`);
  }
  const fallback = permissions["default"];
  if (fallback === undefined || fallback === "allow" || fallback === "allow-by-default") {
    return { allowed: true, rule: "its permissions do not exclude anybody" };
  }
  if (fallback === "deny" || fallback === "deny-by-default") return no("its default is deny");
  return no("default cannot be read");
}

function no(rule: string): Decision {
  return {
    allowed: false,
    rule,
    code: "forbidden",
    reason: `the service does not permit it: ${rule}`,
    hint: "its manifest says so under permissions; zss explain visibility tells more",
  };
}
