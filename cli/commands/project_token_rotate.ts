import { projectArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { projectTokenOf } from "../project_fields.ts";

/** `zss project token rotate` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Give a project a new token, which it asks for from then on where its policy says
nothing else. The token is shown now and never again; hand it on as ZSS_PROJECT_TOKEN.

Examples:
  $ zss project token rotate proj-1 -o name > proj-1.token`),
  parameters: {
    positional: { kind: "tuple", parameters: [projectArgument()] },
  },
  async func(_flags, projectId) {
    const request = { project_id: projectId, ...projectTokenOf(this.io) };
    const value = await withConnection(this, (connection) => connection.call("project_token_rotate", request));
    const token = String(value["project_token"]);
    await printResult(this, { value, table: [`${projectId}  ${token}`], names: [token] });
  },
});
