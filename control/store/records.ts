/**
 * The kinds of records that a store holds.
 *
 * Adding a kind is adding one line to {@linkcode RecordOf} and to
 * {@linkcode recordKinds}. Secrets and tokens stand here only as SHA-256 digests.
 *
 * @module
 */

import type { Platform, ServiceDescriptor } from "../catalog/descriptor.ts";

/** A node and its lease. */
export interface NodeRecord {
  readonly node_id: string;
  readonly node_name: string;
  readonly fs_url: string;
  readonly secret_hash: string;
  readonly lease_token_hash: string;
  /** Grows with every join and every tunnel; the newest one holds the node. */
  readonly lease_generation: number;
  readonly lease_ttl_ms: number;
  readonly lease_expires_at_ms: number;
  /** Whether its lease holds. Decided by monotonic time, not by comparing clocks. */
  readonly online: boolean;
  /** When the lease ran out; `null` while it holds. */
  readonly offline_since_ms: number | null;
  readonly joined_at_ms: number;
  readonly last_seen_ms: number;
}

/** What a node published last. */
export interface CatalogRecord {
  readonly platform: Platform;
  readonly labels: Readonly<Record<string, string>>;
  readonly services: readonly ServiceDescriptor[];
  /** Revision of the node's last event; 0 before the first. */
  readonly revision: number;
}

/** An invite, kept under the hash of its token. */
export interface InviteRecord {
  readonly invite_id: string;
  readonly created_at_ms: number;
  readonly expires_at_ms: number;
  /** Which node it made; `null` while it is unused. */
  readonly redeemed_by: string | null;
}

/** A bearer token, kept under its hash. */
export interface TokenRecord {
  readonly token_id: string;
  readonly name: string;
  readonly role: "admin";
  readonly created_at_ms: number;
}

/** Type of the record of each kind. */
export interface RecordOf {
  readonly node: NodeRecord;
  readonly catalog: CatalogRecord;
  readonly invite: InviteRecord;
  readonly token: TokenRecord;
  readonly counter: { readonly next: number };
}

/** Name of a kind of record. */
export type RecordKind = keyof RecordOf;

/** All kinds. */
export const recordKinds: readonly RecordKind[] = ["node", "catalog", "invite", "token", "counter"];

/** Why an event was written. */
export type EventKind = "upsert" | "join" | "online" | "offline" | "deleted" | "visibility";

/** One event of the history. */
export interface StoredEvent {
  readonly revision: number;
  readonly kind: EventKind;
  readonly node_id: string;
  readonly timestamp_ms: number;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** What is known of an event without its payload. */
export interface EventHead {
  readonly revision: number;
  readonly kind: EventKind;
  readonly node_id: string;
  readonly timestamp_ms: number;
  /** Length of the payload as JSON, in UTF-16 units. */
  readonly bytes: number;
}
