import { nodeArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { isObject } from "../../control/protocol/envelope.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { nodeIdOf } from "../node_names.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss node info` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Describe one node: platform, labels, lease.

Examples:
  $ zss node info node-1
  $ zss node info workshop --json`),
  parameters: {
    positional: { kind: "tuple", parameters: [nodeArgument()] },
  },
  async func(_flags, given) {
    const { node } = await withConnection(
      this,
      async (connection) => connection.call("node_get", { node_id: await nodeIdOf(connection, given) }),
    );
    // The token is for programs that open the files; shown here it would only end up in a log.
    const { fs_auth_token: _token, ...members } = isObject(node) ? node : {};
    const lines = Object.entries(members).map(([name, member]): [string, string] => [
      name,
      name.endsWith("_ms") && typeof member === "number"
        ? `${member} (${new Date(member).toISOString()})`
        : isObject(member)
        ? Object.entries(member).map(([key, value]) => `${key}=${value}`).join(" ") || "(none)"
        : String(member),
    ]);
    const width = Math.max(...lines.map(([name]) => name.length));
    await printResult(this, {
      value: members,
      table: lines.map(([name, text]) => `${name.padEnd(width)}  ${text}`),
      names: [String(members["node_id"])],
    });
  },
});
