import { buildCommand } from "@stricli/core";
import { isObject } from "../../control/protocol/envelope.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss node list` */
export const command = buildCommand<Record<never, never>, [], CliContext>({
  docs: helpPage(`List the nodes that the server knows, in the order in which they joined.

Examples:
  $ zss node list
  $ zss node list -o name
  $ zss node list --json`),
  parameters: {},
  async func() {
    const value = await withConnection(this, (connection) => connection.call("node_list", {}));
    const nodes = Array.isArray(value["nodes"]) ? value["nodes"].filter(isObject) : [];
    await printResult(this, {
      value,
      table: {
        columns: ["NODE", "NAME", "STATE", "PLATFORM", "SERVICES", "LEASE UNTIL"],
        rows: nodes.map((node) => {
          const platform = isObject(node["platform"]) ? node["platform"] : {};
          return [
            String(node["node_id"]),
            String(node["node_name"]),
            String(node["state"] ?? "-"),
            `${platform["os"]}/${platform["arch"]}`,
            String(node["service_count"]),
            new Date(Number(node["lease_expires_at_ms"])).toISOString(),
          ];
        }),
        empty: "(no nodes)",
      },
      names: nodes.map((node) => String(node["node_id"])),
    });
  },
});
