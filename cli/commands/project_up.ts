import { buildCommand } from "@stricli/core";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { mountOf, withNodeId } from "../mount_text.ts";
import { projectFields, type ProjectFlags, projectFlags, projectTokenOf } from "../project_fields.ts";
import { argument, repeatedText } from "../text_flags.ts";

/** `zss project up` */
export const command = buildCommand<
  Omit<ProjectFlags, "name"> & { readonly mount: readonly string[] },
  [string],
  CliContext
>({
  docs: helpPage(`Bring a project to a wanted state: make it when there is none of the name, set its
mounts, make it active. The same command again changes nothing.

Examples:
  $ zss project up site --mount /src=node-1:work
  $ zss project up site --mount /src=node-1:work --mount /src=node-2:work --access read=open`),
  parameters: {
    flags: {
      mount: repeatedText("folder to show; all of them together replace those it has; repeatable", "path=node:export"),
      ...projectFlags,
    },
    positional: { kind: "tuple", parameters: [argument("name of the project", "name")] },
  },
  async func(flags, name) {
    const mounts = flags.mount.map(mountOf);
    const request = { ...projectTokenOf(this.io), ...projectFields({ ...flags, name }) };
    const value = await withConnection(this, async (connection) => {
      const desired_mounts: object[] = [];
      for (const mount of mounts) desired_mounts.push(await withNodeId(connection, mount));
      return await connection.call("project_up", { ...request, ...(mounts.length === 0 ? {} : { desired_mounts }) });
    });
    const id = String(value["project_id"]);
    const how = value["created"] === true ? "created" : "brought up";
    await printResult(this, { value, table: [`${id} (${name}) ${how}`], names: [id] });
  },
});
