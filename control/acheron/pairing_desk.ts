/**
 * `/debug/pairing`: who waits to join and which invites are open, as files; and
 * files that decide when they are written.
 *
 * What is read is as it is now. A write succeeds whatever becomes of it; the
 * result files say what did. Each decision is the operation of the same name,
 * with its rights and its line in the audit log.
 *
 * @module
 */

import { isObject } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { parseJson } from "../protocol/json.ts";
import { pendingRequests } from "../pairing/join_requests.ts";
import type { ControlPlane } from "../sessions/control_plane.ts";
import { joinRequestPayload } from "../sessions/handlers/join_request_payload.ts";
import type { PairingFileName } from "../worldfs/entry.ts";

/** Runs an operation of the control channel on behalf of the session. */
export type RunOperation = (
  name: "node_join_approve" | "node_join_deny" | "node_invite_create",
  payload: unknown,
) => Promise<unknown>;

interface Outcome {
  result: unknown;
  error: unknown;
}

/** The files of pairing as one session sees them. */
export class PairingDesk {
  readonly #plane: Pick<ControlPlane, "store" | "clock">;
  readonly #run: RunOperation;
  readonly #requests: Outcome = { result: { status: "idle" }, error: null };
  readonly #invites: Outcome = { result: { status: "idle" }, error: null };
  #shown = { redeemed: false, expired: false };

  constructor(plane: Pick<ControlPlane, "store" | "clock">, run: RunOperation) {
    this.#plane = plane;
    this.#run = run;
  }

  /** Text of a file; files that are only written are empty. */
  read(name: PairingFileName): string {
    const value = this.#value(name);
    return value === undefined ? "" : JSON.stringify(value);
  }

  /** Does what a write asks for. */
  async write(name: PairingFileName, text: string): Promise<void> {
    const { store, clock } = this.#plane;
    switch (name) {
      case "control/approve.json":
        return await this.#decide(this.#requests, "approve", () => this.#run("node_join_approve", parseJson(text)));
      case "control/deny.json":
        return await this.#decide(this.#requests, "deny", () => this.#run("node_join_deny", parseJson(text)));
      case "control/refresh":
        return await this.#decide(this.#requests, "refresh", () =>
          Promise.resolve({
            pending: pendingRequests(store.list("join_request"), clock.now()).length,
          }));
      case "invites/control/create.json":
        return await this.#decide(
          this.#invites,
          "invites_create",
          () => this.#run("node_invite_create", text.trim() === "" ? {} : parseJson(text)),
        );
      case "invites/control/refresh":
        return await this.#decide(this.#invites, "invites_refresh", () => Promise.resolve(this.#filter(text)));
      default:
        throw new TypeError(`No write goes to ${name}`);
    }
  }

  #value(name: PairingFileName): unknown {
    const { store, clock } = this.#plane;
    switch (name) {
      case "pending.json":
        return { pending: pendingRequests(store.list("join_request"), clock.now()).map(joinRequestPayload) };
      case "last_result.json":
        return this.#requests.result;
      case "last_error.json":
        return this.#requests.error;
      case "invites/active.json":
        return { invites: this.#openInvites() };
      case "invites/last_result.json":
        return this.#invites.result;
      case "invites/last_error.json":
        return this.#invites.error;
      default:
        return undefined;
    }
  }

  /** Tokens are kept as digests only: whoever made an invite saw its token, nobody does again. */
  #openInvites(): object[] {
    const now = this.#plane.clock.now();
    return this.#plane.store.list("invite").map(({ invite_id, created_at_ms, expires_at_ms, redeemed_by }) => ({
      invite_id,
      invite_token: null,
      created_at_ms,
      expires_at_ms,
      redeemed: redeemed_by !== null,
      expired: expires_at_ms <= now,
    })).filter(({ redeemed, expired }) =>
      (!redeemed || this.#shown.redeemed) && (!expired || redeemed || this.#shown.expired)
    );
  }

  #filter(text: string): object {
    const wish = text.trim() === "" ? {} : parseJson(text);
    if (!isObject(wish)) throw new ZssError("invalid_payload", "Cannot refresh: an object is wanted");
    this.#shown = { redeemed: wish["include_redeemed"] === true, expired: wish["include_expired"] === true };
    return { invites: this.#openInvites().length };
  }

  async #decide(outcome: Outcome, action: string, run: () => Promise<unknown>): Promise<void> {
    const at = { at_ms: this.#plane.clock.now() };
    try {
      outcome.result = { ok: true, action, ...at, response: await run() };
      outcome.error = null;
    } catch (error) {
      if (!(error instanceof ZssError)) throw error;
      const { code, message, hint } = error;
      const failure = { ok: false, action, error: errorName(code), ...at, code, message, hint: hint ?? null };
      outcome.result = failure;
      outcome.error = failure;
    }
  }
}

/** The reference's spelling of a code: `pending_join_not_found` is `PendingJoinNotFound`. */
function errorName(code: string): string {
  return code.split("_").map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`).join("");
}
