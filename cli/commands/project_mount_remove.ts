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

/** `zss project mount remove` */
export const command = buildCommand<Record<never, never>, [string, string], CliContext>({
  docs: helpPage(`Take away a mount of a project: all folders at a path, or one with path=node:export.

Examples:
  $ zss project mount remove proj-1 /src
  $ zss project mount remove proj-1 /src=node-2:work`),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [projectArgument(), argument("path, or path=node:export", "mount")],
    },
  },
  async func(_flags, projectId, mount) {
    const which = mount.includes("=") ? mountOf(mount) : undefined;
    const value = await withConnection(this, async (connection) =>
      connection.call("project_mount_remove", {
        project_id: projectId,
        ...projectTokenOf(this.io),
        ...(which === undefined ? { mount_path: mount } : await withNodeId(connection, which)),
      }));
    await printResult(this, projectRendering(value));
  },
});
