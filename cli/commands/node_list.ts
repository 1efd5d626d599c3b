import { buildCommand } from "@stricli/core";
import { listIn, objectIn, timeText } from "../answer.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss node list` */
export const command = buildCommand<Record<never, never>, [], CliContext>({
  docs: helpPage(`List the nodes that the server knows, in the order in which they joined.

"Not reloaded" counts the services that go on as they were, because their manifest
cannot be used as it is now; zss node service-get says why.

Examples:
  $ zss node list
  $ zss node list -o name
  $ zss node list --json`),
  parameters: {},
  async func() {
    const value = await withConnection(this, (connection) => connection.call("node_list", {}));
    const nodes = listIn(value, "nodes");
    await printResult(this, {
      value,
      table: {
        columns: ["NODE", "NAME", "STATE", "PLATFORM", "SERVICES", "LEASE UNTIL"],
        rows: nodes.map((node) => {
          const platform = objectIn(node, "platform");
          return [
            String(node["node_id"]),
            String(node["node_name"]),
            String(node["state"] ?? "-"),
            `${platform["os"]}/${platform["arch"]}`,
            servicesText(node),
            timeText(node["lease_expires_at_ms"]),
          ];
        }),
        empty: "(no nodes)",
      },
      names: nodes.map((node) => String(node["node_id"])),
    });
  },
});

/** How many services there are, and how many of them go on as they were although their manifest changed. */
function servicesText({ service_count: all, not_reloaded_count: behind }: Readonly<Record<string, unknown>>): string {
  return typeof behind === "number" ? `${all} (${behind} not reloaded)` : String(all);
}
