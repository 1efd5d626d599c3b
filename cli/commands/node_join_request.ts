import { buildCommand } from "@stricli/core";
import { timeText } from "../answer.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { optionalText } from "../text_flags.ts";

/** `zss node join-request` */
export const command = buildCommand<
  { readonly nodeName?: string; readonly os?: string; readonly arch?: string },
  [],
  CliContext
>({
  docs: helpPage(`Ask to join without an invite, by hand. zss node run does the same by itself when it
has no invite; this is for programs that are no zss node. The claim token collects
the credentials once an admin has approved the request, with node_join_claim.

Examples:
  $ zss node join-request --node-name workshop
  $ zss node join-request --node-name workshop --json`),
  parameters: {
    flags: {
      nodeName: optionalText("name of the node", "name"),
      os: optionalText("operating system of the node", "name"),
      arch: optionalText("processor of the node", "name"),
    },
  },
  async func(flags) {
    const platform = { os: flags.os, arch: flags.arch };
    const value = await withConnection(
      this,
      (connection) => connection.call("node_join_request", { node_name: flags.nodeName, platform }),
    );
    const id = String(value["request_id"]);
    await printResult(this, {
      value,
      table: [
        `request  ${id}`,
        `code     ${value["code"]}`,
        `claim    ${value["claim_token"]}`,
        `until    ${timeText(value["expires_at_ms"])}`,
      ],
      names: [id],
    });
  },
});
