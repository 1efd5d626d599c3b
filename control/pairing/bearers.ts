/**
 * Bearer tokens: who they stand for, how they are made and ended.
 *
 * @module
 */

import type { Actor } from "../policy/rights.ts";
import type { Member } from "../protocol/trust.ts";
import { ZssError } from "../protocol/errors.ts";
import type { TokenRecord } from "../store/records.ts";
import type { RecordReader, Transaction } from "../store/store.ts";
import { hashSecret, newBearerToken, type RandomBytes } from "./tokens.ts";

/** Whom a bearer token stands for; `undefined` for one that nobody has, that was revoked or has expired. */
export function actorOf(
  token: string | undefined,
  reader: RecordReader,
  presetHash: string | undefined,
  now: number,
): Actor | undefined {
  if (token === undefined) return { role: "anonymous" };
  const hash = hashSecret(token);
  if (hash === presetHash) return presetAdmin;
  const record = reader.get("token", hash);
  if (record === undefined || (record.expires_at_ms !== null && record.expires_at_ms <= now)) return undefined;
  return memberOf(record);
}

/** Whom a token stands for. */
export function memberOf({ role, name, token_id, scopes, project_id, actions }: TokenRecord): Member {
  return { role, name, token_id, scopes, project_id, actions };
}

const presetAdmin: Member = {
  role: "admin",
  name: "preset",
  token_id: "preset",
  scopes: [],
  project_id: null,
  actions: null,
};

/** What a token is to be good for. */
export interface TokenTerms {
  readonly name: string;
  readonly role: TokenRecord["role"];
  readonly scopes?: TokenRecord["scopes"] | undefined;
  readonly project_id?: string | undefined;
  readonly actions?: TokenRecord["actions"] | undefined;
  readonly expires_in_ms?: number | undefined;
}

/** A token with its text: the only time that it is seen. */
export interface MadeToken {
  readonly token: string;
  readonly record: TokenRecord;
}

/** Makes a token. @throws {ZssError} `token_exists` when the name is taken, `invalid_payload` for terms that contradict each other. */
export function createToken(tx: Transaction, terms: TokenTerms, random: RandomBytes, now: number): MadeToken {
  checkTerms(terms);
  if (tx.list("token").some(({ name }) => name === terms.name)) {
    throw new ZssError("token_exists", `Cannot create token "${terms.name}": the name is taken`, {
      path: "/name",
      hint: `choose another, or make the one there is anew: zss server token rotate ${terms.name}`,
    });
  }
  return put(tx, {
    token_id: `token-${tx.nextNumber("token")}`,
    name: terms.name,
    role: terms.role,
    scopes: terms.scopes ?? [],
    project_id: terms.project_id ?? null,
    actions: terms.actions ?? null,
    created_at_ms: now,
    expires_at_ms: terms.expires_in_ms === undefined ? null : now + terms.expires_in_ms,
  }, random);
}

/** Makes a token anew under its name; the old text is worth nothing from then on. @throws {ZssError} `token_not_found`. */
export function rotateToken(
  tx: Transaction,
  nameOrId: string,
  random: RandomBytes,
  now: number,
): MadeToken & { readonly replaced: TokenRecord } {
  const { key, record } = findToken(tx, nameOrId, "rotate");
  tx.remove("token", key);
  const lived = record.expires_at_ms === null ? undefined : record.expires_at_ms - record.created_at_ms;
  const made = put(tx, {
    // The same token in every other way: what was made with it stays its owner's.
    ...record,
    created_at_ms: now,
    expires_at_ms: lived === undefined ? null : now + lived,
  }, random);
  return { ...made, replaced: record };
}

/** Ends a token. @throws {ZssError} `token_not_found`, or `last_admin` for the only token of an admin. */
export function revokeToken(tx: Transaction, nameOrId: string, hasPreset: boolean): TokenRecord {
  const { key, record } = findToken(tx, nameOrId, "revoke");
  const admins = tx.list("token").filter(({ role }) => role === "admin");
  if (record.role === "admin" && admins.length === 1 && !hasPreset) {
    throw new ZssError("last_admin", `Cannot revoke token "${record.name}": it is the only one of an admin`, {
      hint:
        "make another first: zss server token create NAME --role admin; or make this one anew: zss server token rotate",
    });
  }
  tx.remove("token", key);
  tx.remove("member", record.token_id);
  return record;
}

function put(tx: Transaction, record: TokenRecord, random: RandomBytes): MadeToken {
  const token = newBearerToken(record.role, random);
  tx.put("token", hashSecret(token), record);
  return { token, record };
}

function checkTerms({ role, scopes = [], project_id, actions }: TokenTerms): void {
  const refuse = (path: string, found: string, hint: string) => {
    throw new ZssError("invalid_payload", `Cannot create the token: ${found}`, { path, hint });
  };
  if (role === "operator" && scopes.length === 0) {
    refuse("/scopes", "an operator without a scope may do nothing more than a user", "name node, operator or project");
  }
  if (role !== "operator" && scopes.length > 0) {
    refuse(
      "/scopes",
      `scopes are for operators, the role is ${role}`,
      "use the role operator, or leave the scopes out",
    );
  }
  if (role === "admin" && (project_id !== undefined || (actions ?? null) !== null)) {
    refuse("/project_id", "an admin may do everything, so its token cannot be limited", "use the role user");
  }
}

function findToken(tx: Transaction, nameOrId: string, action: string): { key: string; record: TokenRecord } {
  const found = tx.entries("token").find(({ record }) => record.name === nameOrId || record.token_id === nameOrId);
  if (found !== undefined) return found;
  throw new ZssError("token_not_found", `Cannot ${action} token "${nameOrId}": there is none of this name or id`, {
    path: "/token",
    hint: "zss server token list shows those there are",
  });
}
