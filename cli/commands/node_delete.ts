import { nodeArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { nodeIdOf } from "../node_names.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss node delete` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Delete a node: its identity, its lease and its catalog. Who watches is told. A node
that still runs has to be paired again.

Examples:
  $ zss node delete node-7`),
  parameters: {
    positional: { kind: "tuple", parameters: [nodeArgument()] },
  },
  async func(_flags, given) {
    const [nodeId, value] = await withConnection(this, async (connection) => {
      const node_id = await nodeIdOf(connection, given);
      return [node_id, await connection.call("node_delete", { node_id })] as const;
    });
    await printResult(this, { value, table: [`${nodeId} deleted`], names: [nodeId] });
  },
});
