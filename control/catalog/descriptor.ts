/**
 * What a node publishes about one service: the entry of the catalog.
 *
 * One schema serves the wire, the store and the watcher. Unknown members of an
 * entry are dropped; unknown members of a mount are kept. Parsing fills in the
 * defaults (`version` "1", a mount's `state` from its service), so that a
 * parsed entry is complete.
 *
 * Source: seed 002; docs/protocol.md, "Service entries".
 *
 * @module
 */

import { z } from "zod";
import { absolutePath, displayText, identifier, utf8Length } from "../protocol/ids.ts";

/** At most this many services in one catalog. */
export const MAX_SERVICES_PER_NODE = 1024;

/** At most this many bytes of `help_md`. */
export const MAX_HELP_BYTES = 65_536;

const jsonObject = z.record(z.string(), z.unknown());

const mountSchema = z.looseObject({
  mount_id: identifier(128),
  mount_path: absolutePath,
  state: z.string().optional(),
});

/** One service as published; the order of the members is the order on the wire. */
export const serviceDescriptor = z.object({
  service_id: identifier(128),
  kind: identifier(128),
  // The reference reads any value that is not a string as absent.
  version: z.preprocess((value) => typeof value === "string" ? value : "1", displayText(64)),
  state: identifier(64),
  endpoints: z.array(absolutePath).min(1, "must name at least one endpoint"),
  capabilities: jsonObject.default({}),
  mounts: z.array(mountSchema).default([]),
  ops: jsonObject.default({}),
  runtime: jsonObject.default({}),
  permissions: jsonObject.default({}),
  schema: jsonObject.default({}),
  help_md: z.string().min(1, "must not be empty")
    .refine((text) => utf8Length(text) <= MAX_HELP_BYTES, `must have at most ${MAX_HELP_BYTES} bytes`).optional(),
}).transform((service) => ({
  ...service,
  mounts: service.mounts.map((mount) => ({ ...mount, state: mount.state ?? service.state })),
}));

/** One complete catalog entry. */
export type ServiceDescriptor = z.output<typeof serviceDescriptor>;

/** What a publisher may send for one entry. */
export type ServiceDescriptorInput = z.input<typeof serviceDescriptor>;

const platformPart = identifier(64);

/** What a node runs on. Members that are absent keep their last value. */
export const platformUpdate = z.object({
  os: platformPart.optional(),
  arch: platformPart.optional(),
  runtime_kind: platformPart.optional(),
});

/** What a node runs on; `unknown` until the node has said so. */
export interface Platform {
  readonly os: string;
  readonly arch: string;
  readonly runtime_kind: string;
}

/** Labels of a node: at most 64, each value at most 512 bytes. */
export const labelSet = z.record(identifier(128), displayText(512, 0))
  .refine((labels) => Object.keys(labels).length <= 64, "must hold at most 64 labels");
