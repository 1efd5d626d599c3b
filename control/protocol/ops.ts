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
import { identifier } from "./ids.ts";

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

/** Schemas of the requests, by operation. */
export const requests = {
  version: z.object({ protocol: text.optional() }),
  connect: z.object({}),
  ping: z.object({}),
  node_invite_create: z.object({ expires_in_ms: ttl.default(1_800_000) }),
  node_join: z.object({
    invite_token: secret,
    node_name: nodeId.optional(),
    fs_url: fsUrl.optional(),
    lease_ttl_ms: ttl.default(900_000),
  }),
  node_lease_refresh: z.object({
    node_id: nodeId,
    node_secret: secret,
    fs_url: fsUrl.optional(),
    lease_ttl_ms: ttl.default(900_000),
    lease_generation: unsigned.optional(),
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
