/**
 * The token with which everything begins.
 *
 * @module
 */

import { createToken } from "../pairing/bearers.ts";
import type { RandomBytes } from "../pairing/tokens.ts";
import type { TokenRecord } from "../store/records.ts";
import type { Store, Transaction } from "../store/store.ts";

/** Makes a token for an admin when no admin has one that is good. Returns its text, which is seen only now. */
export async function ensureAdminToken(store: Store, random: RandomBytes, now: number): Promise<string | undefined> {
  const isAlive = (token: TokenRecord) => token.expires_at_ms === null || token.expires_at_ms > now;
  if (store.list("token").some((token) => token.role === "admin" && isAlive(token))) return undefined;
  const { token } = await store.transact((tx) => createToken(tx, { name: freeName(tx), role: "admin" }, random, now));
  return token;
}

/** A name for a token of an admin that no other token has. */
function freeName(tx: Transaction): string {
  const taken = new Set(tx.list("token").map(({ name }) => name));
  for (let number = 1;; number++) {
    const name = number === 1 ? "admin" : `admin-${number}`;
    if (!taken.has(name)) return name;
  }
}
