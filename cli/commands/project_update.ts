import { projectArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { projectRendering } from "../render/project.ts";
import { projectFields, type ProjectFlags, projectFlags, projectTokenOf } from "../project_fields.ts";
import { optionalText } from "../text_flags.ts";

/** `zss project update` */
export const command = buildCommand<ProjectFlags, [string], CliContext>({
  docs: helpPage(`Change what is said about a project. --access and --agent-access together replace the
whole policy.

Examples:
  $ zss project update proj-1 --name site
  $ zss project update proj-1 --access read=open --access observe=open --agent-access bob:invoke=deny`),
  parameters: {
    flags: {
      name: optionalText("new name", "name"),
      ...projectFlags,
    },
    positional: { kind: "tuple", parameters: [projectArgument()] },
  },
  async func(flags, projectId) {
    const request = { project_id: projectId, ...projectTokenOf(this.io), ...projectFields(flags) };
    const value = await withConnection(this, (connection) => connection.call("project_update", request));
    await printResult(this, projectRendering(value));
  },
});
