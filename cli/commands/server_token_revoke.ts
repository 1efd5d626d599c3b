import { tokenArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss server token revoke` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`End a token. Connections that came with it are closed.

Examples:
  $ zss server token revoke alice`),
  parameters: {
    positional: { kind: "tuple", parameters: [tokenArgument] },
  },
  async func(_flags, token) {
    const value = await withConnection(this, (connection) => connection.call("token_revoke", { token }));
    const name = String(value["name"]);
    await printResult(this, { value, table: [`${name} revoked`], names: [name] });
  },
});
