/**
 * Short-lived tokens that open the files of one node, so that a client need
 * not send its own token along the file protocol.
 *
 * They live in memory only: a restart ends them, and a new one is a call away.
 *
 * @module
 */

import type { Clock } from "../../drivers/process/mod.ts";
import { hashSecret, newSecret, type RandomBytes } from "./tokens.ts";

/** How long a token is good for, in milliseconds. */
export const FS_TOKEN_TTL_MS = 300_000;

interface Grant {
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
  mint(nodeId: string): string {
    this.#dropExpired();
    const token = newSecret("fs-", this.#random);
    this.#grants.set(hashSecret(token), { nodeId, expiresAt: this.#clock.monotonic() + FS_TOKEN_TTL_MS });
    return token;
  }

  /** Whether `token` opens the files of `nodeId` now. */
  opens(token: string, nodeId: string): boolean {
    const grant = this.#grants.get(hashSecret(token));
    return grant !== undefined && grant.nodeId === nodeId && grant.expiresAt > this.#clock.monotonic();
  }

  #dropExpired(): void {
    // Grants stand in the order in which they were made, so the expired ones come first.
    for (const [hash, { expiresAt }] of this.#grants) {
      if (expiresAt > this.#clock.monotonic()) return;
      this.#grants.delete(hash);
    }
  }
}
