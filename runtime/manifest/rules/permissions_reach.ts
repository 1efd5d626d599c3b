import { isObject } from "../../../control/protocol/envelope.ts";
import type { ManifestRule, RuleFinding } from "../rule.ts";

/** Values of `allow_roles` that let somebody besides an admin through. */
const OPEN_ROLES: ReadonlySet<unknown> = new Set(["user", "*", "all"]);

/** Permissions that nobody or everybody passes. */
export const permissionsReach: ManifestRule = {
  id: "permissions-reach",
  severity: "info",
  reason:
    "Admins always pass. Permissions that nobody else passes hide the service; permissions that everybody passes " +
    "are worth a second look.",
  check(manifest) {
    const { permissions } = manifest;
    if (!isObject(permissions)) return [];
    const { allow_roles: roles, default: fallback } = permissions;
    const needsToken = permissions["require_project_token"] ?? permissions["project_token_required"];
    const denies = fallback === "deny" || fallback === "deny-by-default";
    const found: RuleFinding[] = [];
    if (Array.isArray(roles)) {
      if (roles.length === 0) found.push(nobody(["permissions", "allow_roles"], "allow_roles is empty"));
      else if (!roles.some((role) => OPEN_ROLES.has(role)) && roles.some((role) => role !== "admin")) {
        found.push(nobody(["permissions", "allow_roles"], `no role in allow_roles is known: ${JSON.stringify(roles)}`));
      } else if (needsToken !== true && roles.some((role) => role === "*" || role === "all")) {
        found.push(everybody(["permissions", "allow_roles"], "allow_roles lets every role through"));
      }
    } else if (
      roles === undefined && denies && Object.hasOwn(permissions, "default") && Object.keys(permissions).length > 1
    ) {
      found.push(nobody(["permissions", "default"], "it denies and there is no allow_roles"));
    } else if (roles === undefined && !denies && needsToken !== true) {
      found.push(everybody(["permissions"], "nothing in them refuses anybody"));
    }
    return found;
  },
};

function nobody(path: RuleFinding["path"], why: string): RuleFinding {
  return {
    path,
    message: `only admins pass these permissions: ${why}`,
    hint: 'add "user" to allow_roles, or leave it if that is meant',
  };
}

function everybody(path: RuleFinding["path"], why: string): RuleFinding {
  return {
    path,
    message: `everybody passes these permissions: ${why}`,
    hint: 'name roles in allow_roles, set "default": "deny-by-default", or leave it if that is meant',
  };
}
