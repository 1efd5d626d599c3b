/**
 * Nodes and their leases: joining, proving who one is, staying alive.
 *
 * A node proves itself with its secret. Each join and each tunnel starts a new
 * generation of its lease; of two copies of one node the later holds it, and
 * the earlier one is told so.
 *
 * @module
 */

import type { Platform } from "../catalog/descriptor.ts";
import { emptyCatalog } from "../catalog/upsert.ts";
import { ZssError } from "../protocol/errors.ts";
import type { NodeRecord } from "../store/records.ts";
import type { RecordReader, Transaction } from "../store/store.ts";
import { appendNodeEvent } from "./node_events.ts";
import { hashSecret, newSecret, NO_SECRET_HASH, type RandomBytes, secretMatches } from "./tokens.ts";

/** What a node needs to come back: the only answer that holds its secret. */
export interface JoinCredentials {
  readonly node: NodeRecord;
  readonly node_secret: string;
  readonly lease_token: string;
}

/** Who joins. */
export interface JoinRequest {
  readonly node_name: string | undefined;
  readonly fs_url: string | undefined;
  readonly lease_ttl_ms: number;
  readonly platform?: Platform;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Number that the next node gets in its id; taken before the invite is checked so that both go into one transaction. */
export function nextNodeId(tx: Transaction): string {
  return `node-${tx.nextNumber("node")}`;
}

/** Adds a node under a new secret, with the first generation of its lease. */
export function addNode(
  tx: Transaction,
  nodeId: string,
  request: JoinRequest,
  random: RandomBytes,
  now: number,
): JoinCredentials {
  const nodeSecret = newSecret("secret-", random);
  const leaseToken = newSecret("lease-", random);
  const node: NodeRecord = {
    node_id: nodeId,
    node_name: request.node_name ?? nodeId,
    fs_url: request.fs_url ?? "",
    secret_hash: hashSecret(nodeSecret),
    lease_token_hash: hashSecret(leaseToken),
    lease_generation: 1,
    lease_ttl_ms: request.lease_ttl_ms,
    lease_expires_at_ms: now + request.lease_ttl_ms,
    online: true,
    offline_since_ms: null,
    joined_at_ms: now,
    last_seen_ms: now,
  };
  tx.put("node", nodeId, node);
  const { platform = emptyCatalog.platform, labels = emptyCatalog.labels } = request;
  tx.put("catalog", nodeId, { ...emptyCatalog, platform, labels, revision: 0 });
  appendNodeEvent(tx, "join", node, now);
  return { node, node_secret: nodeSecret, lease_token: leaseToken };
}

/** Gives a node a new secret and a new lease token; the old ones are worth nothing from then on. */
export function newNodeSecret(tx: Transaction, node: NodeRecord, random: RandomBytes, now: number): JoinCredentials {
  const nodeSecret = newSecret("secret-", random);
  const leaseToken = newSecret("lease-", random);
  const next: NodeRecord = {
    ...node,
    secret_hash: hashSecret(nodeSecret),
    lease_token_hash: hashSecret(leaseToken),
    lease_generation: node.lease_generation + 1,
    lease_expires_at_ms: now + node.lease_ttl_ms,
    last_seen_ms: now,
  };
  return { node: putOnline(tx, next, now), node_secret: nodeSecret, lease_token: leaseToken };
}

/**
 * Finds the node that a secret belongs to.
 *
 * @throws {ZssError} `node_auth_failed`, the same for a wrong secret and for a
 * node that does not exist, so that nobody can ask which nodes there are.
 */
export function authenticateNode(reader: RecordReader, nodeId: string, secret: string): NodeRecord {
  const node = reader.get("node", nodeId);
  if (secretMatches(secret, node?.secret_hash ?? NO_SECRET_HASH) && node !== undefined) return node;
  throw new ZssError("node_auth_failed", `Cannot act as node "${nodeId}": NodeAuthFailed`, {
    hint: "pair the node again: remove its state file and start it with a new invite",
  });
}

/** @throws {ZssError} `lease_superseded` when a newer copy of the node holds the lease. */
export function checkGeneration(node: NodeRecord, generation: number | undefined): void {
  if (generation === undefined || generation >= node.lease_generation) return;
  throw new ZssError(
    "lease_superseded",
    `Cannot act as node "${node.node_id}": lease generation ${generation} was superseded by ${node.lease_generation}`,
    { hint: "another process runs with the same state file; stop one of the two", data: {} },
  );
}

/** Starts a new generation of a node's lease, as a tunnel does. */
export function newGeneration(tx: Transaction, nodeId: string, secret: string, now: number): NodeRecord {
  const node = authenticateNode(tx, nodeId, secret);
  const next = {
    ...proven(node),
    lease_generation: node.lease_generation + 1,
    last_seen_ms: now,
    lease_expires_at_ms: now + node.lease_ttl_ms,
  };
  return putOnline(tx, next, now);
}

/** The record of a node that has proved itself: its credentials can be collected no more. */
export function proven(node: NodeRecord): NodeRecord {
  const { is_unproven: _isUnproven, ...rest } = node;
  return rest;
}

/** What a refresh may change. */
export interface LeaseRefresh {
  readonly fs_url: string | undefined;
  readonly lease_ttl_ms: number;
}

/** Extends a lease from now and gives it a new token. */
export function refreshLease(
  tx: Transaction,
  node: NodeRecord,
  refresh: LeaseRefresh,
  random: RandomBytes,
  now: number,
): { readonly node: NodeRecord; readonly lease_token: string } {
  const leaseToken = newSecret("lease-", random);
  const next: NodeRecord = {
    ...proven(node),
    fs_url: refresh.fs_url || node.fs_url,
    lease_token_hash: hashSecret(leaseToken),
    lease_ttl_ms: refresh.lease_ttl_ms,
    lease_expires_at_ms: now + refresh.lease_ttl_ms,
    last_seen_ms: now,
  };
  return { node: putOnline(tx, next, now), lease_token: leaseToken };
}

/** Ends a node's lease: it is offline from now on. One that is so already stays as it is. */
export function takeOffline(tx: Transaction, node: NodeRecord, now: number): void {
  if (!node.online) return;
  const offline: NodeRecord = { ...node, online: false, offline_since_ms: now };
  tx.put("node", node.node_id, offline);
  appendNodeEvent(tx, "offline", offline, now);
}

/** Keeps a node whose lease was extended; one that was offline is back, which is an event. */
function putOnline(tx: Transaction, node: NodeRecord, now: number): NodeRecord {
  const online: NodeRecord = { ...node, online: true, offline_since_ms: null };
  tx.put("node", node.node_id, online);
  if (!node.online) appendNodeEvent(tx, "online", online, now);
  return online;
}
