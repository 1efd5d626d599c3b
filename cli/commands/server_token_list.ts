import { buildCommand } from "@stricli/core";
import { listIn, timeText } from "../answer.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss server token list` */
export const command = buildCommand<Record<never, never>, [], CliContext>({
  docs: helpPage(`List the bearer tokens, without their texts.

Examples:
  $ zss server token list
  $ zss server token list --json`),
  parameters: {},
  async func() {
    const value = await withConnection(this, (connection) => connection.call("token_list", {}));
    const tokens = listIn(value, "tokens");
    const list = (member: unknown) => Array.isArray(member) && member.length > 0 ? member.join(",") : "-";
    await printResult(this, {
      value,
      table: {
        columns: ["TOKEN", "NAME", "ROLE", "SCOPES", "PROJECT", "ACTIONS", "UNTIL"],
        rows: tokens.map((token) => [
          String(token["token_id"]),
          String(token["name"]),
          String(token["role"]),
          list(token["scopes"]),
          String(token["project_id"] ?? "-"),
          list(token["actions"]),
          timeText(token["expires_at_ms"]),
        ]),
        empty: "(no tokens)",
      },
      names: tokens.map((token) => String(token["name"])),
    });
  },
});
