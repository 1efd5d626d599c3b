import { projectArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { projectTokenOf } from "../project_fields.ts";
import { projectRendering } from "../render/project.ts";

/** `zss project get` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Describe one project.

Examples:
  $ zss project get proj-1
  $ zss project get proj-1 --json`),
  parameters: {
    positional: { kind: "tuple", parameters: [projectArgument()] },
  },
  async func(_flags, projectId) {
    const request = { project_id: projectId, ...projectTokenOf(this.io) };
    const value = await withConnection(this, (connection) => connection.call("project_get", request));
    await printResult(this, projectRendering(value));
  },
});
