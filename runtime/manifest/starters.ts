/**
 * Manifests to start from, one for each type of runtime.
 *
 * @module
 */

import type { RuntimeType } from "../../drivers/driver.ts";

const runtimes: Readonly<Record<RuntimeType, Readonly<Record<string, unknown>>>> = {
  native_proc: {
    type: "native_proc",
    executable_path: "zss",
    args: ["driver", "echo"],
    timeout_ms: 10_000,
  },
  native_inproc: { type: "native_inproc", library_path: "./driver.so", timeout_ms: 10_000 },
  wasm: { type: "wasm", module_path: "./driver.wasm", timeout_ms: 10_000, max_memory_bytes: 67_108_864 },
  builtin: { type: "builtin" },
};

/** Names of the types, in the order of the help. */
export const starterTypes: readonly string[] = Object.keys(runtimes);

/** Whether there is a manifest to start from for a type. */
export function isStarterType(type: string): type is RuntimeType {
  return Object.hasOwn(runtimes, type);
}

/** A manifest without findings for a service of that type. */
export function starterManifest(type: RuntimeType, serviceId: string): string {
  const manifest = {
    service_id: serviceId,
    kind: serviceId,
    version: "1",
    endpoints: [`/nodes/{node_id}/${serviceId}`],
    capabilities: { invoke: type !== "builtin" },
    runtime: runtimes[type],
    permissions: { default: "deny-by-default", allow_roles: ["admin", "user"] },
    schema: {
      model: "namespace-mount",
      input: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
    },
    invoke_template: { text: "hello" },
    help_md: `# ${serviceId}\n\nWrite a JSON object to control/invoke.json, then read result.json.\n`,
  };
  return JSON.stringify(manifest, null, 2) + "\n";
}
