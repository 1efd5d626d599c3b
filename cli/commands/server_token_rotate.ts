import { tokenArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss server token rotate` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Make a token anew: the old text is worth nothing from then on, and connections that
came with it are closed. The new text is shown now and never again.

Examples:
  $ zss server token rotate alice
  $ zss server token rotate admin -o name > admin.token`),
  parameters: {
    positional: { kind: "tuple", parameters: [tokenArgument] },
  },
  async func(_flags, name) {
    const value = await withConnection(this, (connection) => connection.call("token_rotate", { token: name }));
    const token = String(value["token"]);
    await printResult(this, { value, table: [`${value["name"]}  ${value["role"]}  ${token}`], names: [token] });
  },
});
