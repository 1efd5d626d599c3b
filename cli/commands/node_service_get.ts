import { nodeArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { listIn, objectIn, timeText } from "../answer.ts";
import { isObject } from "../../control/protocol/envelope.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { nodeIdOf } from "../node_names.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss node service-get` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Show what a node has published: its platform, labels and services.

Examples:
  $ zss node service-get node-1
  $ zss node service-get node-1 -o name
  $ zss node service-get node-1 --json`),
  parameters: {
    positional: { kind: "tuple", parameters: [nodeArgument()] },
  },
  async func(_flags, given) {
    const value = await withConnection(
      this,
      async (connection) => connection.call("node_service_get", { node_id: await nodeIdOf(connection, given) }),
    );
    await printResult(this, {
      value,
      table: catalogLines(value),
      names: servicesOf(value).map((service) => String(service["service_id"])),
    });
  },
});

/** The services of a catalog payload. */
export function servicesOf(catalog: Record<string, unknown>): Record<string, unknown>[] {
  return listIn(catalog, "services");
}

function catalogLines(catalog: Record<string, unknown>): string[] {
  const platform = objectIn(catalog, "platform");
  const labels = isObject(catalog["labels"]) ? Object.entries(catalog["labels"]) : [];
  const services = servicesOf(catalog);
  const listed = (items: unknown, line: (item: Record<string, unknown>) => string) =>
    Array.isArray(items) ? items.filter(isObject).map(line) : [];
  return [
    `Node ${catalog["node_id"]} (${catalog["node_name"]})`,
    ...(catalog["state"] === "offline" ? [offlineLine(catalog)] : []),
    `Platform: os=${platform["os"] ?? "unknown"} arch=${platform["arch"] ?? "unknown"} runtime=${
      platform["runtime_kind"] ?? "unknown"
    }`,
    `Labels: ${labels.length === 0 ? "(none)" : ""}`.trimEnd(),
    ...labels.map(([key, text]) => `  - ${key}=${text}`),
    `Services (${services.length})${services.length === 0 ? ": (none)" : ""}`,
    ...services.flatMap((service) => [
      `  - ${service["service_id"]} kind=${service["kind"]} version=${service["version"] ?? "1"} state=${
        service["state"]
      }`,
      ...stateLine(service),
      ...reloadLine(service),
      ...(Array.isArray(service["endpoints"]) ? service["endpoints"].map((path) => `      endpoint: ${path}`) : []),
      ...listed(service["mounts"], (mount) => `      mount: ${mount["mount_path"]} (${mount["state"]})`),
      `      capabilities: ${JSON.stringify(service["capabilities"] ?? {})}`,
    ]),
  ];
}

/** What is listed is what the node published before it went. */
function offlineLine({ offline_since_ms: since }: Record<string, unknown>): string {
  return `State: offline${
    typeof since === "number" ? ` since ${timeText(since)}` : ""
  }; its services as it published them last`;
}

/** Why a service is not online. */
function stateLine({ state, runtime }: Record<string, unknown>): string[] {
  if (state === "online" || !isObject(runtime)) return [];
  const { last_error: error, enabled } = objectIn(runtime, "supervision_status");
  const why = [
    ...(enabled === false ? ["switched off, until zss node service-runtime ... enable"] : []),
    ...(typeof error === "string" && error.trim() !== "" ? [error.replace(/\s+/g, " ").trim()] : []),
  ];
  return why.length === 0 ? [] : [`      ${state}: ${why.join(": ")}`];
}

/** Why a service goes on as it was although its manifest changed. */
function reloadLine(service: Record<string, unknown>): string[] {
  const { reload_error: reason } = objectIn(service, "runtime");
  return typeof reason === "string" ? [`      not reloaded: ${reason.replace(/\s+/g, " ").trim()}`] : [];
}
