import { buildCommand } from "@stricli/core";
import { listIn } from "../answer.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss project list` */
export const command = buildCommand<Record<never, never>, [], CliContext>({
  docs: helpPage(`List the projects that you may read.

Examples:
  $ zss project list
  $ zss project list -o name`),
  parameters: {},
  async func() {
    const value = await withConnection(this, (connection) => connection.call("project_list", {}));
    const projects = listIn(value, "projects");
    await printResult(this, {
      value,
      table: {
        columns: ["PROJECT", "NAME", "STATUS", "MOUNTS"],
        rows: projects.map((project) => [
          String(project["project_id"]),
          String(project["name"]),
          String(project["status"]),
          String(project["mount_count"]),
        ]),
        empty: "(no projects)",
      },
      names: projects.map((project) => String(project["project_id"])),
    });
  },
});
