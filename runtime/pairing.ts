/**
 * How a node comes by its identity.
 *
 * @module
 */

import { type BackoffBounds, backoffMs } from "../control/client/mod.ts";
import { ZssError } from "../control/protocol/mod.ts";
import { type Clock, sleep } from "../drivers/process/mod.ts";
import { askToJoin, type PendingJoin } from "./link/ask_to_join.ts";
import { type Credentials, pairByInvite } from "./link/pair.ts";
import { type NodeState, unpaired, writeNodeState } from "./state/node_state.ts";

/** Time between two tries with an invite that the server does not take, in milliseconds. */
const INVITE_RETRY_MS = 60_000;

/** How to pair. */
export interface PairingOptions {
  readonly controlUrl: string;
  /** Bearer token; a node does not need one. */
  readonly token: string | undefined;
  /** Whether to ask for an admin's approval instead of using an invite. */
  readonly pairMode: "invite" | "request";
  /** Certificates in PEM form that are trusted for `wss://` besides the usual ones. */
  readonly ca?: string | undefined;
  /** The invite, or what reads it anew for every try; it throws when it cannot. */
  readonly inviteToken: string | undefined | (() => Promise<string>);
  readonly nodeName: string;
  readonly stateFile: string;
  readonly leaseTtlMs: number;
  readonly backoff: BackoffBounds;
}

/** What happens meanwhile. */
export type PairingEvent =
  | { readonly type: "asks_to_join"; readonly request_id: string; readonly code: string }
  /** The invite made an identity that is gone, so the node asks. */
  | { readonly type: "invite_unusable"; readonly reason: string }
  /** The server takes no first invite like this one. Said once for each reason; the node tries again by itself. */
  | {
    readonly type: "invite_refused";
    /** `invite_not_found`, `invite_redeemed`, `invite_expired`, or `invite_unreadable` when it could not be read. */
    readonly code: string;
    readonly reason: string;
    readonly retry_in_ms: number;
  }
  | { readonly type: "token_refused"; readonly reason: string }
  | { readonly type: "waiting_for_server"; readonly reason: string; readonly retry_in_ms: number };

/** What pairing takes from outside. */
export interface PairingParts {
  readonly clock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  readonly platform: Readonly<Record<string, string>>;
  readonly report: (event: PairingEvent) => void;
}

/** How a node comes by its identity, and what it has found out about the way. */
export class Pairing {
  readonly #options: PairingOptions;
  readonly #parts: PairingParts;
  #mode: "invite" | "request";
  #wasPaired = false;
  #refusedInvite: string | undefined;
  /** The request that waits, whatever the state file said when the node started. */
  #pending: PendingJoin | undefined;
  /** Of the join by invite that was begun. */
  #joinKey: string | undefined;
  /** The bearer token, as long as the server takes it. */
  token: string | undefined;

  constructor(options: PairingOptions, parts: PairingParts) {
    this.#options = options;
    this.#parts = parts;
    this.#mode = options.pairMode;
    this.token = options.token;
  }

  /** Notes that an identity was lost: the invite that made it is spent. */
  lost(): void {
    this.#wasPaired = true;
  }

  /** Goes on without the bearer token if that is what was refused: a node needs none. */
  withoutToken(error: unknown): boolean {
    if (!(error instanceof ZssError) || error.code !== "provider_auth_failed" || this.token === undefined) return false;
    this.token = undefined;
    this.#parts.report({ type: "token_refused", reason: error.message });
    return true;
  }

  /** Joins, waiting for the server as long as it cannot be reached. `undefined`: the node was told to end. */
  async pair(state: NodeState, signal: AbortSignal): Promise<Credentials | undefined> {
    const { backoff } = this.#options;
    const { clock, random, report } = this.#parts;
    for (let attempt = 0; !signal.aborted;) {
      try {
        return this.#mode === "invite" ? await this.#byInvite(state) : await this.#byRequest(state, signal);
      } catch (error) {
        if (!(error instanceof ZssError)) throw error;
        if (this.withoutToken(error)) continue;
        if (this.#mode === "invite" && this.#wasPaired && isInviteProblem(error)) {
          // Nobody may be there to bring another invite, so the node asks.
          report({ type: "invite_unusable", reason: error.message });
          this.#mode = "request";
          continue;
        }
        if (this.#mode === "invite" && isInviteProblem(error)) {
          if (error.message !== this.#refusedInvite) {
            report({ type: "invite_refused", code: error.code, reason: error.message, retry_in_ms: INVITE_RETRY_MS });
          }
          this.#refusedInvite = error.message;
          await sleep(clock, INVITE_RETRY_MS, signal);
          continue;
        }
        if (error.code === "join_denied") {
          // The next start may ask again.
          await writeNodeState(this.#options.stateFile, unpaired);
        }
        if (!["unreachable", "connection_lost", "timeout", "busy"].includes(error.code)) throw error;
        const wait = backoffMs(attempt++, backoff, random());
        report({ type: "waiting_for_server", reason: error.message, retry_in_ms: wait });
        await sleep(clock, wait, signal);
      }
    }
    return undefined;
  }

  async #byInvite(state: NodeState): Promise<Credentials> {
    const { inviteToken: given, stateFile } = this.#options;
    const inviteToken = typeof given === "function" ? await given() : given;
    if (inviteToken === undefined) {
      throw new ZssError("usage", `Cannot pair: "${stateFile}" holds no identity and there is no invite`, {
        hint: "make one with zss node invite and pass it with --invite-token, or ask to join with --pair-mode request",
      });
    }
    // Written before the join: should the node end before it has the answer, the key gets it another one.
    const joinKey = this.#joinKey ??= state.join_key ?? `join-${crypto.randomUUID().replaceAll("-", "")}`;
    await writeNodeState(stateFile, { ...unpaired, join_key: joinKey });
    return await pairByInvite({ ...this.#options, token: this.token, inviteToken, joinKey, clock: this.#parts.clock });
  }

  #byRequest(state: NodeState, signal: AbortSignal): Promise<Credentials | undefined> {
    const { controlUrl, ca, nodeName, stateFile } = this.#options;
    const { clock, platform, report } = this.#parts;
    const { request_id, claim_token, code } = state;
    return askToJoin({
      controlUrl,
      token: this.token,
      ca,
      nodeName,
      platform: { ...platform },
      clock,
      pending: this.#pending ??
        (request_id === null || claim_token === null ? undefined : { request_id, claim_token, code: code ?? "" }),
      save: (pending) => {
        this.#pending = pending;
        return writeNodeState(stateFile, { ...unpaired, ...pending });
      },
      onWaiting: ({ request_id, code }) => report({ type: "asks_to_join", request_id, code }),
    }, signal);
  }
}

/** Whether another invite would help: this one cannot be used, or not be read. */
function isInviteProblem({ code }: ZssError): boolean {
  return code.startsWith("invite_");
}
