import { projectArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { projectTokenOf } from "../project_fields.ts";

/** `zss project delete` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Delete a project. Its nodes stay.

Examples:
  $ zss project delete proj-1`),
  parameters: {
    positional: { kind: "tuple", parameters: [projectArgument()] },
  },
  async func(_flags, projectId) {
    const request = { project_id: projectId, ...projectTokenOf(this.io) };
    const value = await withConnection(this, (connection) => connection.call("project_delete", request));
    await printResult(this, { value, table: [`${projectId} deleted`], names: [projectId] });
  },
});
