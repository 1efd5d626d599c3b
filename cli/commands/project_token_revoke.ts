import { projectArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { projectTokenOf } from "../project_fields.ts";

/** `zss project token revoke` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`End the token of a project.

Examples:
  $ zss project token revoke proj-1`),
  parameters: {
    positional: { kind: "tuple", parameters: [projectArgument()] },
  },
  async func(_flags, projectId) {
    const request = { project_id: projectId, ...projectTokenOf(this.io) };
    const value = await withConnection(this, (connection) => connection.call("project_token_revoke", request));
    await printResult(this, { value, table: [`${projectId} has no token any more`], names: [projectId] });
  },
});
