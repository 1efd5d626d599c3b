import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { isObject } from "../../control/protocol/envelope.ts";

/** `zss node pending` */
export const command = buildCommand<Record<never, never>, [], CliContext>({
  docs: helpPage(`List the nodes that ask to join. Compare the code with the one that the node shows
before you approve it.

Examples:
  $ zss node pending
  $ zss node approve pending-join-1`),
  parameters: {},
  async func() {
    const value = await withConnection(this, (connection) => connection.call("node_join_pending_list", {}));
    const pending = Array.isArray(value["pending"]) ? value["pending"].filter(isObject) : [];
    await printResult(this, {
      value,
      table: {
        columns: ["REQUEST", "CODE", "NODE", "PLATFORM", "ASKED", "UNTIL"],
        rows: pending.map((request) => {
          const platform = isObject(request["platform"]) ? request["platform"] : {};
          return [
            String(request["request_id"]),
            String(request["code"] ?? "-"),
            String(request["node_name"]),
            `${platform["os"]}/${platform["arch"]}`,
            new Date(Number(request["requested_at_ms"])).toISOString(),
            request["expires_at_ms"] === undefined ? "-" : new Date(Number(request["expires_at_ms"])).toISOString(),
          ];
        }),
        empty: "(nobody asks to join)",
      },
      names: pending.map((request) => String(request["request_id"])),
    });
  },
});
