/**
 * What a project permits: its access policy, read and resolved.
 *
 * @module
 */

import { isObject } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { escapePointer } from "../protocol/json.ts";
import {
  type AccessMode,
  type AccessPolicy,
  type ActionModes,
  type ProjectAction,
  projectActions,
} from "../protocol/trust.ts";

/** A policy that says nothing. */
export const emptyPolicy: AccessPolicy = { actions: {}, agents: {} };

const modes: Readonly<Record<string, AccessMode>> = {
  "open": "open",
  "allow": "open",
  "token": "token",
  "token-required": "token",
  "token_or_admin": "token",
  "admin": "admin",
  "admin-only": "admin",
  "deny": "deny",
  "disabled": "deny",
};

/**
 * Reads a policy in any of the forms that the reference takes: actions under
 * `actions` or beside it, agents as an object or as a list.
 *
 * @throws {ZssError} `invalid_payload` with the place of the first mistake.
 */
export function readAccessPolicy(value: unknown, path = "/access_policy"): AccessPolicy {
  if (!isObject(value)) throw wrong(path, "must be an object");
  const agents: Record<string, ActionModes> = {};
  for (const [agentId, override, place] of agentEntries(value["agents"], `${path}/agents`)) {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(agentId) || agentId === "__proto__") {
      throw wrong(place, "must name an agent (letters, digits, _ -)");
    }
    const found = readModes(override, place);
    if (Object.keys(found).length > 0) agents[agentId] = found;
  }
  return { actions: readModes(value, path), agents };
}

function agentEntries(value: unknown, path: string): (readonly [string, Record<string, unknown>, string])[] {
  if (value === undefined) return [];
  const entries: (readonly [string, unknown, string])[] = Array.isArray(value)
    ? value.map((one, index) => [isObject(one) ? String(one["agent_id"] ?? "") : "", one, `${path}/${index}`])
    : isObject(value)
    ? Object.entries(value).map(([id, one]) => [id, one, `${path}/${escapePointer(id)}`])
    : [];
  if (entries.length === 0 && !Array.isArray(value) && !isObject(value)) {
    throw wrong(path, "must be an object or an array");
  }
  return entries.map(([id, one, place]) => {
    if (!isObject(one)) throw wrong(place, "must be an object");
    return [id, one, place];
  });
}

function readModes(value: Record<string, unknown>, path: string): ActionModes {
  const inner = value["actions"];
  if (inner !== undefined && !isObject(inner)) throw wrong(`${path}/actions`, "must be an object");
  const found: Partial<Record<ProjectAction, AccessMode>> = {};
  // A word that is mistyped would take a right away without a word.
  const unknown = Object.keys(inner ?? {}).find((name) =>
    name !== "watch" && !projectActions.some((one) => one === name)
  );
  if (unknown !== undefined) {
    throw wrong(`${path}/actions/${escapePointer(unknown)}`, `is no action: there are ${projectActions.join(", ")}`);
  }
  for (const action of projectActions) {
    const names = action === "observe" ? ["observe", "watch"] : [action];
    for (const [holder, place] of [[inner, `${path}/actions`], [value, path]] as const) {
      const name = names.find((one) => holder?.[one] !== undefined);
      if (holder === undefined || name === undefined) continue;
      found[action] = readMode(holder[name], `${place}/${name}`);
      break;
    }
  }
  return found;
}

function readMode(value: unknown, path: string): AccessMode {
  if (typeof value !== "string") throw wrong(path, "must be a string");
  const mode = Object.hasOwn(modes, value) ? modes[value] : undefined;
  if (mode === undefined) throw wrong(path, `must be open, token, admin or deny, "${value.slice(0, 40)}" found`);
  return mode;
}

function wrong(path: string, what: string): ZssError {
  return new ZssError("invalid_payload", `Cannot read the access policy: ${path.slice(1)} ${what}`, {
    path,
    hint: 'for example {"actions":{"read":"open","mount":"admin"},"agents":{"bob":{"invoke":"deny"}}}',
  });
}
