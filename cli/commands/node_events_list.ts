import { nodeArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { timeText } from "../answer.ts";
import { isObject } from "../../control/protocol/envelope.ts";
import { wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { eventsOf } from "../past_events.ts";
import { nodeIdOf } from "../node_names.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss node events list` */
export const command = buildCommand<{ readonly limit: number }, [string?], CliContext>({
  docs: helpPage(`List the newest events that a server holds: of one node, or of all.

Examples:
  $ zss node events list
  $ zss node events list workshop --limit 5 --json`),
  parameters: {
    flags: {
      limit: { kind: "parsed", parse: wholeNumber(1, 1000), brief: "how many", default: "25", placeholder: "n" },
    },
    positional: {
      kind: "tuple",
      parameters: [{ ...nodeArgument("id or name of the node; all without it"), optional: true }],
    },
  },
  async func({ limit }, given) {
    const value = await withConnection(this, async (connection) => {
      // The events of a node that was deleted are still there.
      const node = given === undefined ? {} : { node_id: await nodeIdOf(connection, given, "keep") };
      return await connection.call("node_service_events", { limit, ...node });
    });
    const rows = eventsOf(value).map(({ event, node_id, service_delta: delta }) => {
      const count = (name: string) => isObject(delta) && Array.isArray(delta[name]) ? delta[name].length : 0;
      return [
        String(event["revision"]),
        timeText(event["timestamp_ms"]),
        String(event["kind"]),
        String(node_id),
        `+${count("added")} ~${count("updated")} -${count("removed")}`,
      ];
    });
    await printResult(this, {
      value,
      table: { columns: ["REVISION", "TIME", "KIND", "NODE", "SERVICES"], rows, empty: "(no events)" },
      names: rows.map(([revision = ""]) => revision),
    });
  },
});
