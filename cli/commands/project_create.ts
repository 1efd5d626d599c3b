import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { projectRendering } from "../render/project.ts";
import { projectFields, type ProjectFlags, projectFlags } from "../project_fields.ts";
import { argument } from "../text_flags.ts";

/** `zss project create` */
export const command = buildCommand<Omit<ProjectFlags, "name">, [string], CliContext>({
  docs: helpPage(`Make a project. It is private to you until you open it.

Examples:
  $ zss project create site
  $ zss project create site --vision "the cameras of the site" --access read=open --access observe=open`),
  parameters: {
    flags: {
      ...projectFlags,
    },
    positional: { kind: "tuple", parameters: [argument("name of the project", "name")] },
  },
  async func(flags, name) {
    const fields = projectFields({ ...flags, name });
    const value = await withConnection(this, (connection) => connection.call("project_create", fields));
    await printResult(this, projectRendering(value));
  },
});
