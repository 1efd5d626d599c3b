import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { mountOf } from "../mount_text.ts";
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
      parameters: [argument("id of the project", "project_id"), argument("path=node:export", "mount")],
    },
  },
  async func(_flags, projectId, mount) {
    const request = { project_id: projectId, ...projectTokenOf(this.io), ...mountOf(mount) };
    const value = await withConnection(this, (connection) => connection.call("project_mount_set", request));
    await printResult(this, projectRendering(value));
  },
});
