import { projectArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { projectTokenOf } from "../project_fields.ts";

/** `zss project activate` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Make a project the active one of your agent (ZSS_AGENT).

Examples:
  $ zss project activate proj-1
  $ ZSS_AGENT=bob zss project activate proj-1 --project proj-1`),
  parameters: {
    positional: { kind: "tuple", parameters: [projectArgument()] },
  },
  async func(_flags, projectId) {
    const request = { project_id: projectId, ...projectTokenOf(this.io) };
    const value = await withConnection(this, (connection) => connection.call("project_activate", request));
    await printResult(this, {
      value,
      table: [`${projectId} is the active project of ${value["agent_id"]}`],
      names: [projectId],
    });
  },
});
