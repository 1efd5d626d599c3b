/**
 * What a service manifest may say: every member with its default and its limit.
 *
 * One schema serves the linter, the node and the JSON Schema for editors
 * (`json_schema.ts`). Parsing fills in the defaults; `{node_id}` is still in the
 * paths then (see `template.ts`). Members that are not known are dropped, but
 * for those of `runtime`, which the catalog passes on; the linter names them all.
 *
 * Source: docs/manifest.md.
 *
 * @module
 */

import { z } from "zod";
import { MAX_HELP_BYTES, type ServiceDescriptor } from "../../control/catalog/mod.ts";
import { absolutePath, displayText, identifier, utf8Length } from "../../control/protocol/ids.ts";
import { nativeInprocConfig } from "../../drivers/native_inproc/config.ts";
import { nativeProcConfig } from "../../drivers/native_proc/config.ts";
import { DEFAULT_TIMEOUT_MS, processMembers } from "../../drivers/process/config.ts";
import { wasmConfig } from "../../drivers/wasm/config.ts";

/** Says in the JSON Schema that other members are mistakes; parsing is more forgiving. */
const CLOSED = { additionalProperties: false } as const;

const object = z.record(z.string(), z.unknown());
const count = z.int().min(0).max(4_294_967_295);
const duration = z.int().min(0).max(86_400_000);

const supervision = z.object({
  health_check_interval_ms: duration.default(5000).transform((ms) => ms === 0 ? 5000 : ms)
    .meta({ description: "Milliseconds between two looks at the driver; 0 stands for the default." }),
  restart_backoff_ms: duration.default(500)
    .meta({ description: "Milliseconds to wait after a first failure; doubled after each further one." }),
  restart_backoff_max_ms: duration.default(30_000).transform((ms) => ms === 0 ? 30_000 : ms)
    .meta({ description: "Longest wait between two tries, in milliseconds; 0 stands for the default." }),
  max_consecutive_failures: count.default(0)
    .meta({ description: "Failures in a row after which the service is switched off; 0 for never." }),
  max_consecutive_timeouts: count.default(0)
    .meta({ description: "Timeouts in a row after which the service is switched off; 0 for never." }),
  cooldown_ms: duration.default(0)
    .meta({ description: "Milliseconds for which calls are refused after a failure; 0 for not at all." }),
  auto_disable_on_failures: z.boolean().default(false)
    .meta({ description: "Whether the two limits switch the service off." }),
}).meta({ ...CLOSED, description: "When failures delay or end the use of the service." });

/** How long a probe may run when its manifest says nothing, in milliseconds. */
const PROBE_TIMEOUT_MS = 5_000;

const probe = z.object({
  payload: object.default({}).meta({ description: "The call that is made; it should change nothing." }),
  timeout_ms: z.int().min(1).max(60_000).default(PROBE_TIMEOUT_MS)
    .meta({ description: "Milliseconds that it may take." }),
}).meta({ ...CLOSED, description: "A call that shows whether the service works, made at each look at its driver." });

const supervised = { supervision: supervision.optional(), probe: probe.optional() };

/** Without its file a runtime is an entry of the catalog and nothing more. */
const nativeProc = nativeProcConfig.extend({
  executable_path: nativeProcConfig.shape.executable_path.optional(),
  ...supervised,
}).meta(CLOSED);
const nativeInproc = nativeInprocConfig.extend({
  library_path: nativeInprocConfig.shape.library_path.optional(),
  ...supervised,
}).meta(CLOSED);
const wasm = wasmConfig.extend({
  module_path: wasmConfig.shape.module_path.optional(),
  ...supervised,
}).meta(CLOSED);
const builtin = z.looseObject({
  type: z.literal("builtin").optional().transform((type) => type ?? "builtin" as const),
  abi: z.string().optional(),
  timeout_ms: processMembers.timeout_ms,
  ...supervised,
}).meta(CLOSED);

const runtime = z.discriminatedUnion("type", [nativeProc, nativeInproc, wasm, builtin])
  .meta({ description: "What does the work. Without a type: builtin." });

const state = identifier(64);

const mount = z.object({
  mount_id: identifier(128).meta({ description: "Name of the mount." }),
  mount_path: absolutePath.meta({ maxLength: 512, description: "Where clients find the service." }),
  state: state.optional().meta({ description: "State of the mount; that of the service without it." }),
}).meta(CLOSED);

const relativePath = z.string().min(1, "must not be empty").max(512, "must have at most 512 characters")
  .regex(/^[^/]/, 'must be relative: it starts with "/"');

const ops = z.looseObject({
  model: z.string().optional(),
  style: z.string().optional(),
  invoke: relativePath.optional().meta({ description: "Where a call is written, below the service." }),
  paths: z.looseObject({ invoke: relativePath.optional() }).optional()
    .meta({ description: "Where operations are written, by name." }),
});

const permissions = z.looseObject({
  default: z.string().optional().meta({ description: "`allow`, or `deny-by-default`." }),
  allow_roles: z.array(z.string().min(1, "must not be empty")).optional()
    .meta({ description: "Roles that may use the service: admin, user, * for all." }),
  require_project_token: z.boolean().optional().meta({ description: "Whether a project token is needed." }),
  project_token_required: z.boolean().optional().meta({ description: "The same under its other name." }),
});

const serviceSchema = z.looseObject({
  model: z.string().optional(),
  input: z.union([object, z.boolean()], { error: "must be a JSON Schema: an object, or true or false" }).optional()
    .meta({ description: "JSON Schema of a call." }),
  output: z.union([object, z.boolean()], { error: "must be a JSON Schema: an object, or true or false" }).optional()
    .meta({ description: "JSON Schema of a result." }),
});

/** Schema of a manifest. */
export const manifestSchema = z.object({
  $schema: z.string().optional().meta({ description: "Where editors find the schema of this file." }),
  enabled: z.boolean().default(true).meta({ description: "false keeps the file without the service." }),
  service_id: identifier(128).meta({ description: "Name of the service, unique on its node." }),
  kind: identifier(128).meta({
    description: "What kind of service it is; services of a kind can stand in for each other.",
  }),
  version: displayText(64).default("1").meta({ minLength: 1, maxLength: 64, description: "Version of the service." }),
  state: state.default("online").meta({ description: "State at the start." }),
  endpoints: z.array(absolutePath.meta({ maxLength: 512 })).default([])
    .meta({ description: "Paths of the service; none stands for /nodes/{node_id}/ and the service_id." }),
  mounts: z.array(mount).optional()
    .meta({ description: "Where the service is mounted; without it, at its first endpoint." }),
  capabilities: object.default({}).meta({
    description:
      "What the service can do, for those who look for one. A service with a driver takes calls without `invoke` here.",
  }),
  ops: ops.default({ model: "namespace", style: "plan9" }).meta({ description: "How the service is operated." }),
  runtime: runtime.default(() => nativeProc.parse({ type: "native_proc", abi: "namespace-driver-v1" })),
  permissions: permissions.default({ default: "deny-by-default" })
    .meta({ description: "Who may see and use the service." }),
  schema: serviceSchema.default({ model: "namespace-mount" })
    .meta({
      description:
        "What a call looks like, for people and programs; becomes SCHEMA.json. Nothing is checked against it: the driver gets what was sent.",
    }),
  invoke_template: object.default({}).meta({ description: "A call to start from; becomes TEMPLATE.json." }),
  help_md: z.string().min(1, "must not be empty")
    .refine((text) => utf8Length(text) <= MAX_HELP_BYTES, {
      message: `must have at most ${MAX_HELP_BYTES} bytes`,
      params: { rule: "help-too-long" },
    }).optional().meta({ maxLength: MAX_HELP_BYTES, description: "Help in Markdown; becomes README.md." }),
}).meta(CLOSED);

/** A manifest with its defaults filled in. */
export type Manifest = z.output<typeof manifestSchema>;

/** A manifest whose paths are those of one node: what a node serves. */
export type ServiceManifest = Omit<Manifest, "mounts"> & {
  readonly mounts: readonly { readonly mount_id: string; readonly mount_path: string; readonly state: string }[];
};

/** Milliseconds that a run of the service may take. */
export function timeoutOf(service: ServiceManifest): number {
  return service.runtime.type === "builtin" ? DEFAULT_TIMEOUT_MS : service.runtime.timeout_ms;
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
