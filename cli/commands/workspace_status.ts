import { projectArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { listIn } from "../answer.ts";
import { isObject } from "../../control/protocol/envelope.ts";
import { Exit } from "../exit.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { projectTokenOf } from "../project_fields.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss workspace status` */
export const command = buildCommand<Record<never, never>, [string?], CliContext>({
  docs: helpPage(`Show what a project serves at this moment: each path with the node behind it, and
what is missing. Without an id, the project of the session.

Examples:
  $ zss workspace status proj-1
  $ zss workspace status --json

Exit status:
  0  everything is there    1  a path is degraded or missing`),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{ ...projectArgument(), optional: true }],
    },
  },
  async func(_flags, projectId) {
    const request = projectId === undefined ? {} : { project_id: projectId, ...projectTokenOf(this.io) };
    const value = await withConnection(this, (connection) => connection.call("workspace_status", request));
    const mounts = listIn(value, "mounts");
    const drift = isObject(value["drift"]) && Array.isArray(value["drift"]["items"]) ? value["drift"]["items"] : [];
    const messages = new Map(drift.filter(isObject).map((item) => [item["mount_path"], String(item["message"])]));
    await printResult(this, {
      value,
      table: {
        columns: ["PATH", "STATE", "NODE", "EXPORT", "NOTE"],
        rows: mounts.map((mount) => [
          String(mount["mount_path"]),
          String(mount["state"]),
          String(mount["node_id"]),
          String(mount["export_name"]),
          messages.get(mount["mount_path"]) ?? "",
        ]),
        empty: value["project_id"] === null ? "(no project)" : "(no mounts)",
      },
      names: mounts.map((mount) => String(mount["mount_path"])),
    });
    if (mounts.some((mount) => mount["state"] !== "online")) this.setExitCode(Exit.problems);
  },
});
