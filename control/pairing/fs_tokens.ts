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
  /** On the monotonic clock. */
  readonly expiresAt: number;
}

/** The tokens of one server. */
export class FsTokens {
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  readonly #grants = new Map<string, Grant>();

  constructor(clock: Clock, random: RandomBytes) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Makes a token for the files of `nodeId`. Whoever asks must have been let through already. */
  mint(nodeId: string, grant: FsGrant): string {
    this.#dropExpired();
    const token = newSecret("fs-", this.#random);
    this.#grants.set(hashSecret(token), { ...grant, nodeId, expiresAt: this.#clock.monotonic() + FS_TOKEN_TTL_MS });
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
    for (const [hash, { actor }] of this.#grants) {
      if (actor.role !== "anonymous" && actor.token_id === tokenId) this.#grants.delete(hash);
    }
  }

  #dropExpired(): void {
    // Grants stand in the order in which they were made, so the expired ones come first.
    for (const [hash, { expiresAt }] of this.#grants) {
      if (expiresAt > this.#clock.monotonic()) return;
      this.#grants.delete(hash);
    }
  }
}
