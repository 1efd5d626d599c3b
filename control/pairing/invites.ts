/**
 * Invites: one-use tickets that let a node join without an admin token.
 *
 * @module
 */

import { ZssError } from "../protocol/errors.ts";
import type { InviteRecord } from "../store/records.ts";
import type { Transaction } from "../store/store.ts";
import { hashSecret, newSecret, type RandomBytes } from "./tokens.ts";

/** An invite as it is handed out, the only time its token is seen. */
export interface NewInvite {
  readonly invite_id: string;
  readonly invite_token: string;
  readonly created_at_ms: number;
  readonly expires_at_ms: number;
}

/** Makes an invite that is good for `ttlMs` milliseconds from `now`. */
export function createInvite(tx: Transaction, random: RandomBytes, now: number, ttlMs: number): NewInvite {
  const token = newSecret("inv-", random);
  const record: InviteRecord = {
    invite_id: `invite-${tx.nextNumber("invite")}`,
    created_at_ms: now,
    expires_at_ms: now + ttlMs,
    redeemed_by: null,
  };
  tx.put("invite", hashSecret(token), record);
  return {
    invite_id: record.invite_id,
    invite_token: token,
    created_at_ms: record.created_at_ms,
    expires_at_ms: record.expires_at_ms,
  };
}

/**
 * Uses up an invite for `nodeId`. In one transaction with the node that it makes.
 *
 * @throws {ZssError} `invite_not_found`, `invite_redeemed` or `invite_expired`.
 */
export function redeemInvite(tx: Transaction, token: string, nodeId: string, now: number): void {
  const hash = hashSecret(token);
  const invite = tx.get("invite", hash);
  const hint = "ask for a new one: zss node invite";
  if (invite === undefined) {
    throw new ZssError("invite_not_found", "Cannot join: this server made no such invite", {
      hint,
      path: "/invite_token",
    });
  }
  if (invite.redeemed_by !== null) {
    throw new ZssError("invite_redeemed", `Cannot join: ${invite.invite_id} was used by ${invite.redeemed_by}`, {
      hint: `an invite admits one node; ${hint}`,
      path: "/invite_token",
    });
  }
  if (invite.expires_at_ms <= now) {
    throw new ZssError(
      "invite_expired",
      `Cannot join: ${invite.invite_id} expired at ${new Date(invite.expires_at_ms).toISOString()}`,
      { hint, path: "/invite_token" },
    );
  }
  tx.put("invite", hash, { ...invite, redeemed_by: nodeId });
}
