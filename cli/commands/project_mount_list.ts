import { projectArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { listIn } from "../answer.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { projectTokenOf } from "../project_fields.ts";

/** `zss project mount list` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`List the mounts of a project.

Examples:
  $ zss project mount list proj-1`),
  parameters: {
    positional: { kind: "tuple", parameters: [projectArgument()] },
  },
  async func(_flags, projectId) {
    const request = { project_id: projectId, ...projectTokenOf(this.io) };
    const value = await withConnection(this, (connection) => connection.call("project_mount_list", request));
    const mounts = listIn(value, "mounts");
    await printResult(this, {
      value,
      table: {
        columns: ["PATH", "NODE", "EXPORT"],
        rows: mounts.map((one) => [String(one["mount_path"]), String(one["node_id"]), String(one["export_name"])]),
        empty: "(no mounts)",
      },
      names: mounts.map((one) => `${one["mount_path"]}=${one["node_id"]}:${one["export_name"]}`),
    });
  },
});
