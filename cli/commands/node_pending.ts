import { buildCommand } from "@stricli/core";
import { listIn, objectIn, timeText } from "../answer.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

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
    const pending = listIn(value, "pending");
    await printResult(this, {
      value,
      table: {
        columns: ["REQUEST", "CODE", "NODE", "PLATFORM", "ASKED", "UNTIL"],
        rows: pending.map((request) => {
          const platform = objectIn(request, "platform");
          return [
            String(request["request_id"]),
            String(request["code"] ?? "-"),
            String(request["node_name"]),
            `${platform["os"]}/${platform["arch"]}`,
            timeText(request["requested_at_ms"]),
            timeText(request["expires_at_ms"]),
          ];
        }),
        empty: "(nobody asks to join)",
      },
      names: pending.map((request) => String(request["request_id"])),
    });
  },
});
