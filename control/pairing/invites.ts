/**
 * Invites: one-use tickets that let a node join without an admin token.
 *
 * @module
 */

import { ZssError } from "../protocol/errors.ts";
import type { InviteRecord, NodeRecord } from "../store/records.ts";
import type { Transaction } from "../store/store.ts";
import { hashSecret, newSecret, type RandomBytes, secretMatches } from "./tokens.ts";

/** An invite as it is handed out, the only time its token is seen. */
export interface NewInvite {
  readonly invite_id: string;
  readonly invite_token: string;
  readonly created_at_ms: number;
  readonly expires_at_ms: number;
}

/** What an invite is good for. */
export interface InviteTerms {
  /** How long, in milliseconds. */
  readonly ttlMs: number;
  /** Name that the node has to take. */
  readonly nodeName?: string | undefined;
  /** Labels that the node begins with. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** Makes an invite. */
export function createInvite(tx: Transaction, random: RandomBytes, now: number, terms: InviteTerms): NewInvite {
  dropOldInvites(tx, now);
  const token = newSecret("inv-", random);
  const record: InviteRecord = {
    invite_id: `invite-${tx.nextNumber("invite")}`,
    created_at_ms: now,
    expires_at_ms: now + terms.ttlMs,
    redeemed_by: null,
    node_name: terms.nodeName ?? null,
    labels: terms.labels ?? {},
  };
  tx.put("invite", hashSecret(token), record);
  return {
    invite_id: record.invite_id,
    invite_token: token,
    created_at_ms: record.created_at_ms,
    expires_at_ms: record.expires_at_ms,
  };
}

/** Invites that nobody can use any more are forgotten after so long, in milliseconds; until then they say why. */
const REMEMBER_MS = 604_800_000;

function dropOldInvites(tx: Transaction, now: number): void {
  for (const { key, record } of tx.entries("invite")) {
    if (record.expires_at_ms + REMEMBER_MS <= now) tx.remove("invite", key);
  }
}

/**
 * Finds the node that an invite has made and that never got its credentials.
 *
 * Whoever joins may bring a key of its own, and with the same key ask again
 * until the credentials are used for the first time.
 *
 * @returns The node; `undefined` when there is none that this key may ask for.
 */
export function unansweredJoin(tx: Transaction, token: string, key: string | undefined): NodeRecord | undefined {
  const invite = tx.get("invite", hashSecret(token));
  if (key === undefined || invite === undefined || invite.redeemed_by === null) return undefined;
  const { redeemed_by, redeemed_key } = invite;
  if (redeemed_key === undefined || !secretMatches(key, redeemed_key.hash)) return undefined;
  const node = tx.get("node", redeemed_by);
  // A tunnel starts a new generation, so with an older one nobody has used what was answered.
  return node?.lease_generation === redeemed_key.lease_generation ? node : undefined;
}

/** Notes which key may ask once more for the credentials of a node that was just made, or given new ones. */
export function keepJoinKey(tx: Transaction, token: string, key: string | undefined, node: NodeRecord): void {
  const hash = hashSecret(token);
  const invite = tx.get("invite", hash);
  if (key === undefined || invite === undefined) return;
  const redeemed_key = { hash: hashSecret(key), lease_generation: node.lease_generation };
  tx.put("invite", hash, { ...invite, redeemed_key });
}

/**
 * Uses up an invite for `nodeId`. In one transaction with the node that it makes.
 *
 * @throws {ZssError} `invite_not_found`, `invite_redeemed`, `invite_expired`, or `invite_bound` for a node of another name.
 */
export function redeemInvite(
  tx: Transaction,
  token: string,
  nodeId: string,
  nodeName: string | undefined,
  now: number,
): InviteRecord {
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
  if (invite.node_name !== null && nodeName !== undefined && nodeName !== invite.node_name) {
    throw new ZssError(
      "invite_bound",
      `Cannot join: ${invite.invite_id} is for a node named "${invite.node_name}", this one is named "${nodeName}"`,
      { hint: `start the node with --node-name ${invite.node_name}, or ${hint}`, path: "/node_name" },
    );
  }
  tx.put("invite", hash, { ...invite, redeemed_by: nodeId });
  // For the metrics: the invite itself is forgotten one day.
  tx.nextNumber("redeemed_invite");
  return invite;
}
