/**
 * Tokens within a request that the operator of a server may ask for, besides
 * the one of the connection, before anything is changed.
 *
 * Source: docs/protocol.md, "Scopes".
 *
 * @module
 */

import { hashSecret, secretMatches } from "../pairing/tokens.ts";
import type { OperatorScope } from "../protocol/trust.ts";
import { isObject } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";

/** Digests of the tokens that are asked for; absent ones are not. */
export interface ScopeTokens {
  readonly operator?: string;
  readonly project?: string;
  readonly node?: string;
}

/** Reads the tokens from the environment of a server. */
export function scopeTokensFrom(env: Readonly<Record<string, string | undefined>>): ScopeTokens {
  const digest = (name: string) => {
    const token = env[`ZSS_CONTROL_${name}_TOKEN`] ?? env[`SPIDERWEB_CONTROL_${name}_TOKEN`] ?? "";
    return token === "" ? undefined : hashSecret(token);
  };
  const [operator, project, node] = [digest("OPERATOR"), digest("PROJECT_SCOPE"), digest("NODE_SCOPE")];
  return {
    ...(operator === undefined ? {} : { operator }),
    ...(project === undefined ? {} : { project }),
    ...(node === undefined ? {} : { node }),
  };
}

/**
 * Checks the tokens of a request.
 *
 * @throws {ZssError} `missing_field` when one is asked for and absent, `operator_auth_failed` for a wrong one.
 */
export function checkScopeToken(tokens: ScopeTokens, scope: OperatorScope, name: string, payload: unknown): void {
  const given = isObject(payload) ? payload : {};
  if (tokens.operator !== undefined && given["operator_token"] !== undefined) {
    return check(given["operator_token"], tokens.operator, "operator_token", name);
  }
  const own = scope === "project" ? tokens.project : scope === "node" ? tokens.node : undefined;
  if (own !== undefined) return check(given[`${scope}_scope_token`], own, `${scope}_scope_token`, name);
  if (tokens.operator !== undefined) check(given["operator_token"], tokens.operator, "operator_token", name);
}

function check(given: unknown, hash: string, field: string, name: string): void {
  if (given === undefined) {
    throw new ZssError("missing_field", `Cannot run ${name}: ${field} is required by the operator of this server`, {
      path: `/${field}`,
      hint: "give it with --operator-token",
    });
  }
  if (typeof given !== "string" || given === "") {
    throw new ZssError("invalid_payload", `Cannot run ${name}: ${field} must be a string`, { path: `/${field}` });
  }
  if (secretMatches(given, hash)) return;
  throw new ZssError("operator_auth_failed", `Cannot run ${name}: this is not the server's ${field}`, {
    path: `/${field}`,
    hint: "ask the operator of the server",
  });
}
