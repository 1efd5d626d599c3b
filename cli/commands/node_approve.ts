import { requestArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss node approve` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Admit a node that asks to join. It collects its credentials itself.

Examples:
  $ zss node pending
  $ zss node approve pending-join-1`),
  parameters: {
    positional: { kind: "tuple", parameters: [requestArgument] },
  },
  async func(_flags, requestId) {
    const answer = await withConnection(
      this,
      (connection) => connection.call("node_join_approve", { request_id: requestId }),
    );
    // What the server hands out for old nodes is nothing for a terminal.
    const { node_secret: _secret, lease_token: _lease, ...value } = answer;
    const nodeId = String(value["node_id"]);
    await printResult(this, { value, table: [`${nodeId} (${value["node_name"]}) admitted`], names: [nodeId] });
  },
});
