import { projectArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { mountOf, withNodeId } from "../mount_text.ts";
import { projectTokenOf } from "../project_fields.ts";
import { projectRendering } from "../render/project.ts";
import { argument } from "../text_flags.ts";

/** `zss project mount set` */
export const command = buildCommand<Record<never, never>, [string, string], CliContext>({
  docs: helpPage(`Show a folder of a node under a path of a project. A second folder at the same path
stands by for the first.

Examples:
  $ zss project mount set proj-1 /src=node-1:work`),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [projectArgument(), argument("path=node:export", "mount")],
    },
  },
  async func(_flags, projectId, mount) {
    const which = mountOf(mount);
    const value = await withConnection(this, async (connection) =>
      connection.call("project_mount_set", {
        project_id: projectId,
        ...projectTokenOf(this.io),
        ...await withNodeId(connection, which),
      }));
    await printResult(this, projectRendering(value));
  },
});
