/**
 * Short-lived tokens that open the files of one node, so that a client need
 * not send its own token along the file protocol.
 *
 * They live in memory only: a restart ends them, and a new one is a call away.
 *
 * @module
 */

import type { Clock } from "../../drivers/process/mod.ts";
import type { Actor } from "../policy/rights.ts";
import { hashSecret, newSecret, type RandomBytes } from "./tokens.ts";

/** How long a token is good for, in milliseconds. */
export const FS_TOKEN_TTL_MS = 300_000;

/** Whose token it is, and from within which project that one looks. */
export interface FsGrant {
  readonly actor: Actor;
  readonly binding: {
    readonly agent_id: string;
    readonly project_id: string | null;
    readonly project_token: string | undefined;
  };
}

interface Grant extends FsGrant {
  readonly nodeId: string;
  /** What it was asked for, as text. */
  readonly key: string;
  /** On the monotonic clock. */
  readonly expiresAt: number;
}

/** The tokens of one server. */
export class FsTokens {
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  readonly #grants = new Map<string, Grant>();
  /** The newest token by what it was asked for. */
  readonly #made = new Map<string, { readonly token: string; readonly hash: string }>();

  constructor(clock: Clock, random: RandomBytes) {
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * A token for the files of `nodeId`: the one that was made for the same before, while half of its time is left, so
   * that nobody fills the server with them.
   */
  mint(nodeId: string, grant: FsGrant): string {
    this.#dropExpired();
    const { actor, binding } = grant;
    const key = JSON.stringify([actor, binding, nodeId]);
    const made = this.#made.get(key);
    const now = this.#clock.monotonic();
    if (made !== undefined && (this.#grants.get(made.hash)?.expiresAt ?? 0) - now > FS_TOKEN_TTL_MS / 2) {
      return made.token;
    }
    const token = newSecret("fs-", this.#random);
    const hash = hashSecret(token);
    this.#grants.set(hash, { ...grant, nodeId, key, expiresAt: now + FS_TOKEN_TTL_MS });
    this.#made.set(key, { token, hash });
    return token;
  }

  /** Who opens the files of `nodeId` with `token` now; `undefined` when nobody does. */
  open(token: string, nodeId: string): FsGrant | undefined {
    const grant = this.#grants.get(hashSecret(token));
    return grant !== undefined && grant.nodeId === nodeId && grant.expiresAt > this.#clock.monotonic()
      ? grant
      : undefined;
  }

  /** Ends what was made for the holder of a bearer token that is good no more. */
  revoke(tokenId: string): void {
    for (const [hash, { actor, key }] of this.#grants) {
      if (actor.role !== "anonymous" && actor.token_id === tokenId) this.#drop(hash, key);
    }
  }

  #dropExpired(): void {
    // Grants stand in the order in which they were made, so the expired ones come first.
    for (const [hash, { expiresAt, key }] of this.#grants) {
      if (expiresAt > this.#clock.monotonic()) return;
      this.#drop(hash, key);
    }
  }

  #drop(hash: string, key: string): void {
    this.#grants.delete(hash);
    if (this.#made.get(key)?.hash === hash) this.#made.delete(key);
  }
}
