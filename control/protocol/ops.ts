/**
 * The control operations: what each one takes.
 *
 * One schema per request; the handler of an operation, the client and the tests
 * use the same one. Members that an operation does not know are ignored.
 *
 * Source: docs/protocol.md, "Operations".
 *
 * @module
 */

import { z } from "zod";
import { displayText, identifier } from "./ids.ts";
import { operatorScopes, projectActions, roles } from "./trust.ts";

const unsigned = z.int("must be a whole number").min(0, "must not be negative");
const text = z.string("must be a string");
const nodeId = identifier(128);
const secret = text.min(1, "must not be empty").max(256, "must have at most 256 characters");

/** Longest lease and invite that is accepted: 30 days in milliseconds. */
export const MAX_TTL_MS = 2_592_000_000;

const ttl = unsigned.min(1, "must be at least 1 ms").max(MAX_TTL_MS, `must be at most ${MAX_TTL_MS} ms (30 days)`);

/** Address under which a node's files are served. */
const fsUrl = text.max(512, "must have at most 512 characters")
  .refine((url) => url === "" || (/^wss?:\/\//.test(url) && url.includes("/v2/fs")), {
    message: 'must start with "ws://" or "wss://" and contain "/v2/fs"',
  });

/** A place in the history of a store. */
export const position = z.object({ epoch: text.min(1), revision: unsigned });

const label = z.record(identifier(128), displayText(512, 0));
const projectId = identifier(128).refine((id) => id !== "." && id !== "..", "must not be a path");
const agentId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must have 1 to 64 letters, digits, _ or -");
const sessionKey = z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/, "must have 1 to 128 letters, digits, . _ : or -");
/** A project's token; that of the reference may be null. */
const projectToken = secret.nullish().transform((token) => token ?? undefined);
const action = z.enum(projectActions);
/** Never the text of a token itself, which would then stand in errors and in the audit log. */
const tokenName = identifier(64).refine(
  (name) => !name.startsWith("sw-"),
  "must be the name or the id of a token, not its text",
);
const projectFields = {
  vision: displayText(1024, 0).optional(),
  status: identifier(64).optional(),
  /** Read by `policy/access_policy.ts`, which knows its many forms. */
  access_policy: z.unknown().optional(),
};
const mount = { node_id: nodeId, export_name: identifier(128), mount_path: text };
const limit = unsigned.min(1, "must be at least 1");

/** Schemas of the requests, by operation. */
export const requests = {
  version: z.object({ protocol: text.optional() }),
  connect: z.object({}),
  ping: z.object({}),
  node_invite_create: z.object({
    expires_in_ms: ttl.default(1_800_000),
    node_name: nodeId.optional(),
    labels: label.optional(),
  }),
  node_join: z.object({
    invite_token: secret,
    /** A secret of the node's own, with which it may ask again when the answer did not reach it. */
    join_key: secret.optional(),
    node_name: nodeId.optional(),
    fs_url: fsUrl.optional(),
    lease_ttl_ms: ttl.default(900_000),
  }),
  node_join_request: z.object({
    node_name: nodeId.optional(),
    fs_url: fsUrl.optional(),
    platform: z.object({
      os: identifier(64).optional(),
      arch: identifier(64).optional(),
      runtime_kind: identifier(64).optional(),
    }).optional(),
  }),
  node_join_claim: z.object({ request_id: nodeId, claim_token: secret }),
  node_join_pending_list: z.object({}),
  node_join_approve: z.object({ request_id: nodeId, lease_ttl_ms: ttl.default(900_000) }),
  node_join_deny: z.object({ request_id: nodeId }),
  node_lease_refresh: z.object({
    node_id: nodeId,
    node_secret: secret,
    fs_url: fsUrl.optional(),
    lease_ttl_ms: ttl.default(900_000),
    lease_generation: unsigned.optional(),
    /** Ends the lease instead: the node is offline at once. */
    release: z.boolean("must be true or false").default(false),
  }),
  node_list: z.object({}),
  node_get: z.object({ node_id: nodeId }),
  node_service_get: z.object({ node_id: nodeId }),
  /** The catalog itself is read by `catalog/upsert.ts`, which knows what an entry is. */
  node_service_upsert: z.object({
    node_id: nodeId,
    node_secret: secret,
    lease_generation: unsigned.optional(),
    /** Revision of the node's last event that the publisher knows; another one is a conflict. */
    if_revision: unsigned.optional(),
  }),
  /** A node may delete itself with its secret, an admin any node. */
  node_delete: z.object({ node_id: nodeId, node_secret: secret.optional() }),
  node_service_watch: z.object({
    node_id: nodeId.optional(),
    replay_limit: unsigned.default(25),
    since: position.optional(),
    snapshot: z.boolean().optional(),
    bookmarks: z.boolean().optional(),
    detail: z.enum(["full", "delta"]).optional(),
  }),
  node_service_unwatch: z.object({}),
  metrics: z.object({}),
  auth_status: z.object({}),
  auth_rotate: z.object({ role: z.enum(["admin", "user"], "must be admin or user") }),
  token_create: z.object({
    name: tokenName,
    role: z.enum(roles, "must be admin, user or operator"),
    scopes: z.array(z.enum(operatorScopes, "must be node, operator or project")).optional(),
    project_id: projectId.optional(),
    actions: z.array(action).optional(),
    expires_in_ms: unsigned.min(1000, "must be at least 1000 ms").max(315_360_000_000, "must be at most ten years")
      .optional(),
  }),
  token_list: z.object({}),
  /** `token`: name or id. */
  token_revoke: z.object({ token: tokenName }),
  token_rotate: z.object({ token: tokenName }),
  audit_tail: z.object({ limit: limit.max(500, "must be at most 500").default(50), agent_id: agentId.optional() }),
  session_attach: z.object({
    session_key: sessionKey,
    agent_id: agentId,
    project_id: projectId.nullish().transform((id) => id ?? undefined),
    project_token: projectToken,
  }),
  session_status: z.object({ session_key: sessionKey.optional() }),
  session_resume: z.object({ session_key: sessionKey }),
  session_list: z.object({}),
  session_close: z.object({ session_key: sessionKey }),
  session_restore: z.object({ agent_id: agentId.optional() }),
  session_history: z.object({ agent_id: agentId.optional(), limit: unsigned.default(10) }),
  agent_list: z.object({}),
  agent_get: z.object({ agent_id: agentId }),
  project_create: z.object({ name: displayText(128), ...projectFields }),
  project_update: z.object({
    project_id: projectId,
    project_token: projectToken,
    name: displayText(128).optional(),
    ...projectFields,
  }),
  project_delete: z.object({ project_id: projectId, project_token: projectToken }),
  project_list: z.object({}),
  project_get: z.object({ project_id: projectId, project_token: projectToken }),
  project_mount_set: z.object({ project_id: projectId, project_token: projectToken, ...mount }),
  project_mount_remove: z.object({
    project_id: projectId,
    project_token: projectToken,
    mount_path: text,
    node_id: nodeId.optional(),
    export_name: identifier(128).optional(),
  }),
  project_mount_list: z.object({ project_id: projectId, project_token: projectToken }),
  project_token_rotate: z.object({ project_id: projectId, project_token: projectToken }),
  project_token_revoke: z.object({ project_id: projectId, project_token: projectToken }),
  project_activate: z.object({ project_id: projectId, project_token: projectToken }),
  project_up: z.object({
    project_id: projectId.optional(),
    name: displayText(128).optional(),
    project_name: displayText(128).optional(),
    ...projectFields,
    project_token: projectToken,
    desired_mounts: z.array(z.object(mount)).max(1024, "must hold at most 1024 mounts").optional(),
    activate: z.boolean("must be true or false").default(true),
  }),
  workspace_status: z.object({ project_id: projectId.optional(), project_token: projectToken }),
  reconcile_status: z.object({ project_id: projectId.optional() }),
  /** Who would see a path, and which rule says so. */
  explain_visibility: z.object({
    path: text.min(1, "must not be empty").max(1024, "must have at most 1024 characters"),
    /** Name or id of a token; absent for the caller. */
    as: tokenName.optional(),
    agent_id: agentId.optional(),
    project_id: projectId.optional(),
    project_token: projectToken,
  }),
  /** Past events, oldest first. */
  node_service_events: z.object({
    node_id: nodeId.optional(),
    since_revision: unsigned.optional(),
    limit: unsigned.min(1, "must be at least 1").max(1000, "must be at most 1000").default(100),
  }),
} as const;

/** Name of an operation without its `control.` prefix. */
export type OpName = keyof typeof requests;

/** What a handler of the operation receives. */
export type OpRequest<Name extends OpName> = z.output<typeof requests[Name]>;

/** Types of replies that differ from the type of their request. */
const replyTypes: Partial<Record<OpName, string>> = {
  version: "control.version_ack",
  connect: "control.connect_ack",
  ping: "control.pong",
};

/** Type of the frame that answers `name`. */
export function replyType(name: OpName): string {
  return replyTypes[name] ?? `control.${name}`;
}

/** Types that exist on the wire but are never a request. */
export const pushedTypes: ReadonlySet<string> = new Set([
  "control.pong",
  "control.version_ack",
  "control.connect_ack",
  "control.node_service_event",
  "control.node_service_snapshot",
  "control.node_service_synced",
  "control.node_service_bookmark",
  "control.error",
]);
