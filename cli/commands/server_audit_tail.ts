import { buildCommand } from "@stricli/core";
import { listIn, timeText } from "../answer.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { wholeNumber } from "../flags.ts";

/** `zss server audit tail` */
export const command = buildCommand<{ readonly limit: number }, [], CliContext>({
  docs: helpPage(`Show the newest entries of the audit log, newest first: who did what, and which rule
let them or turned them away.

Examples:
  $ zss server audit tail
  $ zss server audit tail --limit 200 --json`),
  parameters: {
    flags: {
      limit: {
        kind: "parsed",
        parse: wholeNumber(1, 500),
        brief: "how many entries",
        default: "50",
        placeholder: "n",
      },
    },
  },
  async func(flags) {
    const value = await withConnection(this, (connection) => connection.call("audit_tail", { limit: flags.limit }));
    const entries = listIn(value, "audit");
    await printResult(this, {
      value,
      table: {
        columns: ["ID", "TIME", "WHO", "WHAT", "TARGET", "RESULT", "RULE"],
        rows: entries.map((entry) => [
          String(entry["id"]),
          timeText(entry["timestamp_ms"]),
          String(entry["actor"] ?? entry["role"]),
          String(entry["control_type"]).replace("control.", ""),
          String(entry["target"] ?? "-"),
          String(entry["error_code"] ?? entry["result"]),
          String(entry["rule"] ?? "-"),
        ]),
        empty: "(nothing happened yet)",
      },
      names: entries.map((entry) => String(entry["id"])),
    });
  },
});
