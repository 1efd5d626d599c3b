/**
 * Asking to join without an invite: somebody asks, an admin decides, the one who
 * asked collects the answer.
 *
 * Whoever asks gets a claim token, which alone collects the credentials, and a
 * short code. The node shows the code and so does the list of the admin, who
 * thereby knows which machine asked.
 *
 * @module
 */

import type { Platform } from "../catalog/descriptor.ts";
import { ZssError } from "../protocol/errors.ts";
import type { JoinRequestRecord, NodeRecord } from "../store/records.ts";
import type { Transaction } from "../store/store.ts";
import { addNode, type JoinCredentials, newNodeSecret, nextNodeId } from "./nodes.ts";
import { hashSecret, newCode, newSecret, type RandomBytes, secretMatches } from "./tokens.ts";

/** How long a request waits for its decision, and a decision for whoever asked, in milliseconds: an hour. */
export const JOIN_REQUEST_TTL_MS = 3_600_000;
/**
 * How long credentials that were collected, and never used, may be collected again, in milliseconds: ten minutes.
 *
 * The answer may have been lost on its way, and a person would have to approve the node once more.
 */
export const CLAIM_AGAIN_MS = 600_000;
/** At most this many requests wait; anybody can make one. */
export const MAX_JOIN_REQUESTS = 256;

/** Who asks. */
export interface NewJoinRequest {
  readonly node_name?: string | undefined;
  readonly fs_url?: string | undefined;
  readonly platform?: { readonly [Part in keyof Platform]?: string | undefined } | undefined;
}

/** A request with the token that collects its answer: the only time that the token is seen. */
export interface MadeJoinRequest {
  readonly record: JoinRequestRecord;
  readonly claim_token: string;
}

/** Takes a request. @throws {ZssError} `busy` when too many wait. */
export function makeJoinRequest(
  tx: Transaction,
  request: NewJoinRequest,
  random: RandomBytes,
  now: number,
): MadeJoinRequest {
  dropExpired(tx, now);
  if (tx.list("join_request").filter(({ is_claimed }) => is_claimed !== true).length >= MAX_JOIN_REQUESTS) {
    throw new ZssError("busy", `Cannot ask to join: ${MAX_JOIN_REQUESTS} requests wait already`, {
      hint: "an admin decides about them: zss node pending; or join with an invite: zss node invite",
    });
  }
  const claimToken = newSecret("claim-", random);
  const requestId = `pending-join-${tx.nextNumber("join_request")}`;
  const record: JoinRequestRecord = {
    request_id: requestId,
    node_name: request.node_name ?? requestId,
    fs_url: request.fs_url ?? "",
    platform: {
      os: request.platform?.os ?? "unknown",
      arch: request.platform?.arch ?? "unknown",
      runtime_kind: request.platform?.runtime_kind ?? "unknown",
    },
    requested_at_ms: now,
    expires_at_ms: now + JOIN_REQUEST_TTL_MS,
    claim_hash: hashSecret(claimToken),
    code: newCode(random),
    state: "pending",
    node_id: null,
  };
  tx.put("join_request", requestId, record);
  return { record, claim_token: claimToken };
}

/** Requests that wait for a decision, oldest first. */
export function pendingRequests(records: readonly JoinRequestRecord[], now: number): JoinRequestRecord[] {
  return records.filter(({ state, expires_at_ms }) => state === "pending" && expires_at_ms > now);
}

/** Admits a node. @throws {ZssError} `pending_join_not_found`. */
export function approveJoin(
  tx: Transaction,
  requestId: string,
  leaseTtlMs: number,
  random: RandomBytes,
  now: number,
): JoinCredentials {
  const request = waiting(tx, requestId, "approve", now);
  const { node_name, fs_url, platform } = request;
  const joined = addNode(
    tx,
    nextNodeId(tx),
    { node_name, fs_url, lease_ttl_ms: leaseTtlMs, platform },
    random,
    now,
  );
  tx.put("join_request", requestId, { ...request, state: "approved", node_id: joined.node.node_id });
  return joined;
}

/** Turns a node away. @throws {ZssError} `pending_join_not_found`. */
export function denyJoin(tx: Transaction, requestId: string, now: number): void {
  tx.put("join_request", requestId, { ...waiting(tx, requestId, "deny", now), state: "denied" });
}

/** What became of a request. */
export type Claim =
  | { readonly status: "pending" | "denied" }
  | ({
    readonly status: "approved";
    /** Whether they were collected before, and those of then are worth nothing now. */
    readonly isAgain: boolean;
  } & JoinCredentials);

/**
 * Collects the answer to a request. Approved credentials are made new, so that
 * whoever approved knows none that is good. They can be collected again for
 * {@linkcode CLAIM_AGAIN_MS}, which makes them new again, until the node has
 * proved itself with them for the first time: a tunnel, a refresh, a catalog.
 *
 * @throws {ZssError} `pending_join_not_found` for a wrong token and for a request that is not there alike.
 */
export function claimJoin(
  tx: Transaction,
  requestId: string,
  claimToken: string,
  random: RandomBytes,
  now: number,
): Claim {
  const request = tx.get("join_request", requestId);
  const isTheirs = secretMatches(claimToken, request?.claim_hash ?? hashSecret(""));
  if (request === undefined || !isTheirs || request.expires_at_ms <= now) throw notFound(requestId, "collect");
  if (request.state !== "approved" || request.node_id === null) {
    return { status: request.state === "denied" ? "denied" : "pending" };
  }
  const node = tx.get("node", request.node_id);
  const isAgain = request.is_claimed === true;
  // A request that is of no use any more stays until it expires: what is thrown undoes the transaction.
  if (node === undefined || (isAgain && node.is_unproven !== true)) throw notFound(requestId, "collect");
  const joined = newNodeSecret(tx, node, random, now);
  const unproven: NodeRecord = { ...joined.node, is_unproven: true };
  tx.put("node", node.node_id, unproven);
  const expires_at_ms = isAgain ? request.expires_at_ms : now + CLAIM_AGAIN_MS;
  tx.put("join_request", requestId, { ...request, expires_at_ms, is_claimed: true });
  return { status: "approved", isAgain, ...joined, node: unproven };
}

function waiting(tx: Transaction, requestId: string, action: string, now: number): JoinRequestRecord {
  dropExpired(tx, now);
  const request = tx.get("join_request", requestId);
  if (request === undefined || request.state !== "pending") throw notFound(requestId, action);
  return request;
}

function dropExpired(tx: Transaction, now: number): void {
  for (const { request_id, expires_at_ms } of tx.list("join_request")) {
    if (expires_at_ms <= now) tx.remove("join_request", request_id);
  }
}

function notFound(requestId: string, action: string): ZssError {
  return new ZssError(
    "pending_join_not_found",
    `Cannot ${action} the request "${requestId}": PendingJoinNotFound, nobody waits under this id`,
    { path: "/request_id", hint: "zss node pending lists those that wait; a request expires after an hour" },
  );
}
