/**
 * What a service manifest may say: every member with its default and its limit.
 *
 * One schema serves the linter, the node and the JSON Schema for editors.
 * Parsing fills in the defaults; `{node_id}` is still in the paths then (see
 * `template.ts`).
 *
 * Source: docs/manifest.md.
 *
 * @module
 */

import { z } from "zod";
import { MAX_HELP_BYTES, type ServiceDescriptor } from "../../control/catalog/mod.ts";
import { absolutePath, displayText, identifier, utf8Length } from "../../control/protocol/mod.ts";
import { nativeProcConfig } from "../../drivers/native_proc/config.ts";

const object = z.record(z.string(), z.unknown());
const fileName = z.string().min(1, "must not be empty");
const timeout = nativeProcConfig.shape.timeout_ms;

/** A type of runtime whose driver is not part of this version: its members are read, not used. */
const nativeInproc = z.looseObject({
  type: z.literal("native_inproc"),
  abi: z.literal("namespace-driver-v1").optional(),
  library_path: fileName.optional(),
  timeout_ms: timeout,
});

const wasm = z.looseObject({
  type: z.literal("wasm"),
  module_path: fileName.optional(),
  runner_path: fileName.optional(),
  args: z.array(fileName).default([]),
  timeout_ms: timeout,
});

const builtin = z.looseObject({ type: z.literal("builtin") });

/** Without `executable_path` a program's service is an entry of the catalog and nothing more. */
const nativeProc = nativeProcConfig.extend({ executable_path: fileName.optional() });

const runtime = z.discriminatedUnion("type", [nativeProc, nativeInproc, wasm, builtin]);

const mount = z.object({
  mount_id: identifier(128),
  mount_path: absolutePath,
  state: z.string().optional(),
});

/** Schema of a manifest. */
export const manifestSchema = z.strictObject({
  $schema: z.string().optional(),
  /** `false` keeps the file without the service. */
  enabled: z.boolean().default(true),
  service_id: identifier(128),
  kind: identifier(128),
  version: displayText(64).default("1"),
  state: identifier(64).default("online"),
  endpoints: z.array(absolutePath).default([]),
  mounts: z.array(mount).optional(),
  capabilities: object.default({}),
  ops: object.default({ model: "namespace", style: "plan9" }),
  runtime: runtime.default(() => nativeProc.parse({ type: "native_proc", abi: "namespace-driver-v1" })),
  permissions: object.default({ default: "deny-by-default" }),
  schema: object.default({ model: "namespace-mount" }),
  invoke_template: object.default({}),
  help_md: z.string().min(1, "must not be empty")
    .refine((text) => utf8Length(text) <= MAX_HELP_BYTES, `must have at most ${MAX_HELP_BYTES} bytes`).optional(),
});

/** A manifest with its defaults filled in. */
export type Manifest = z.output<typeof manifestSchema>;

/** A manifest whose paths are those of one node: what a node serves. */
export type ServiceManifest = Omit<Manifest, "mounts"> & {
  readonly mounts: readonly { readonly mount_id: string; readonly mount_path: string; readonly state: string }[];
};

/** Milliseconds that a run of the service may take. */
export function timeoutOf(service: ServiceManifest): number {
  return service.runtime.type === "builtin" ? 30_000 : service.runtime.timeout_ms;
}

/** The catalog entry of a service. What concerns only its own node is left out. */
export function toDescriptor(service: ServiceManifest): ServiceDescriptor {
  const { service_id, kind, version, state, endpoints, capabilities, mounts, ops, permissions, schema, help_md } =
    service;
  return {
    service_id,
    kind,
    version,
    state,
    endpoints,
    capabilities,
    mounts: mounts.map((entry) => ({ ...entry })),
    ops,
    runtime: service.runtime,
    permissions,
    schema,
    ...(help_md === undefined ? {} : { help_md }),
  };
}
