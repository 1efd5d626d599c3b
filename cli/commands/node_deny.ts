import { requestArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss node deny` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Turn away a node that asks to join.

Examples:
  $ zss node deny pending-join-1`),
  parameters: {
    positional: { kind: "tuple", parameters: [requestArgument] },
  },
  async func(_flags, requestId) {
    const value = await withConnection(
      this,
      (connection) => connection.call("node_join_deny", { request_id: requestId }),
    );
    await printResult(this, { value, table: [`${requestId} denied`], names: [requestId] });
  },
});
