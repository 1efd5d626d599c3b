/**
 * The kinds of records that a store holds.
 *
 * Adding a kind is adding one line to {@linkcode RecordOf} and to
 * {@linkcode recordKinds}. Secrets and tokens stand here only as SHA-256 digests.
 *
 * @module
 */

import type { Platform, ServiceDescriptor } from "../catalog/descriptor.ts";
import type { AccessPolicy, Member } from "../protocol/trust.ts";

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
  /** Whether its credentials were collected and nobody has proved itself with them yet; absent for no. */
  readonly is_unproven?: true;
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
  /** Hash of the secret with which that node may ask again, and the generation of its lease that it was given. */
  readonly redeemed_key?: { readonly hash: string; readonly lease_generation: number };
  /** Name that the node has to take; `null` when it may choose. */
  readonly node_name: string | null;
  /** Labels that the node begins with. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Somebody who asks to join without an invite, kept under the request's id. */
export interface JoinRequestRecord {
  readonly request_id: string;
  readonly node_name: string;
  readonly fs_url: string;
  readonly platform: Platform;
  readonly requested_at_ms: number;
  readonly expires_at_ms: number;
  /** Proves who may collect the answer. */
  readonly claim_hash: string;
  /** Short text that both sides show, so that a person can tell two requests apart. */
  readonly code: string;
  readonly state: "pending" | "approved" | "denied";
  /** The node that an approval made; `null` before it. */
  readonly node_id: string | null;
  /** Whether the credentials of that node were collected; absent for no. */
  readonly is_claimed?: true;
}

/** A bearer token, kept under its hash. */
export interface TokenRecord extends Member {
  readonly created_at_ms: number;
  /** `null`: it does not expire. */
  readonly expires_at_ms: number | null;
}

/** A folder of a node that a project shows under a path. */
export interface ProjectMount {
  readonly mount_path: string;
  readonly node_id: string;
  readonly export_name: string;
}

/** A project. */
export interface ProjectRecord {
  readonly project_id: string;
  readonly name: string;
  readonly vision: string;
  readonly status: string;
  readonly kind: "normal" | "system_builtin";
  /** Id of the token that made it; `null` for the server itself. */
  readonly creator_id: string | null;
  /** Digest of its token; `null` before the first. */
  readonly token_hash: string | null;
  /** Whether the token counts: it was made and not revoked. */
  readonly is_locked: boolean;
  readonly created_at_ms: number;
  readonly updated_at_ms: number;
  readonly access_policy: AccessPolicy;
  readonly mounts: readonly ProjectMount[];
}

/** A session as its owner may find it again. */
export interface SessionEntry {
  readonly session_key: string;
  readonly agent_id: string;
  readonly project_id: string | null;
  readonly last_active_ms: number;
}

/** What is remembered about the holder of a token, kept under the token's id. */
export interface MemberRecord {
  readonly last_target: { readonly agent_id: string; readonly project_id: string } | null;
  /** Newest first. */
  readonly history: readonly SessionEntry[];
}

/** Where the audit log ends: one record. */
export interface AuditHead {
  /** Number of the last line; 0 before the first. */
  readonly id: number;
  /** Hash of the last line. */
  readonly hash: string;
  /** The lines that were written last: a crash may have kept them from the file. */
  readonly lines: readonly { readonly id: number; readonly hash: string }[];
}

/** Type of the record of each kind. */
export interface RecordOf {
  readonly node: NodeRecord;
  readonly catalog: CatalogRecord;
  readonly invite: InviteRecord;
  readonly join_request: JoinRequestRecord;
  readonly token: TokenRecord;
  readonly audit: AuditHead;
  readonly project: ProjectRecord;
  /** Kept under the ids of the token and of the agent. */
  readonly active_project: { readonly project_id: string };
  readonly member: MemberRecord;
  readonly counter: { readonly next: number };
}

/** Name of a kind of record. */
export type RecordKind = keyof RecordOf;

/** All kinds. */
export const recordKinds: readonly RecordKind[] = [
  "node",
  "catalog",
  "invite",
  "join_request",
  "token",
  "audit",
  "project",
  "active_project",
  "member",
  "counter",
];

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
