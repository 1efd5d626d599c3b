import { buildCommand } from "@stricli/core";
import { listIn, objectIn, timeText } from "../answer.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss node list` */
export const command = buildCommand<Record<never, never>, [], CliContext>({
  docs: helpPage(`List the nodes that the server knows, in the order in which they joined.

"Not online" counts the services that are degraded or switched off, "not reloaded"
those that go on as they were, because their manifest cannot be used as it is now;
zss node service-get says why.

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

/** How many services there are, how many are not online, and how many go on as they were although their manifest changed. */
function servicesText(node: Readonly<Record<string, unknown>>): string {
  const { service_count: all, not_online_count: down, not_reloaded_count: behind } = node;
  const notes = [
    ...(typeof down === "number" ? [`${down} not online`] : []),
    ...(typeof behind === "number" ? [`${behind} not reloaded`] : []),
  ];
  return notes.length === 0 ? String(all) : `${all} (${notes.join(", ")})`;
}
