import { buildCommand } from "@stricli/core";
import { timeText } from "../answer.ts";
import { wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";
import { optionalText, pairsOf, repeatedText } from "../text_flags.ts";

interface Flags {
  readonly expiresInMs: number;
  readonly nodeName?: string;
  readonly label: readonly string[];
}

/** `zss node invite` */
export const command = buildCommand<Flags, [], CliContext>({
  docs: helpPage(`Make an invite. It admits one node, once, and is shown only now.

Examples:
  $ zss node invite
  $ zss node invite --expires-in-ms 60000
  $ zss node invite --node-name workshop --label site=hq
  $ zss node run --invite-token "$(zss node invite -o name)" --control-url ws://127.0.0.1:18790`),
  parameters: {
    flags: {
      expiresInMs: {
        kind: "parsed",
        parse: wholeNumber(1, 2_592_000_000),
        brief: "how long it is good for, in milliseconds",
        default: "1800000",
        placeholder: "ms",
      },
      nodeName: optionalText("name that the node has to take", "name"),
      label: repeatedText("label that the node begins with; repeatable", "key=value"),
    },
  },
  async func(flags) {
    const request = {
      expires_in_ms: flags.expiresInMs,
      node_name: flags.nodeName,
      ...(flags.label.length === 0 ? {} : { labels: pairsOf(flags.label, "--label") }),
    };
    const [invite, url] = await withConnection(
      this,
      async (connection, remote) => [await connection.call("node_invite_create", request), remote.url] as const,
    );
    const token = String(invite["invite_token"]);
    await printResult(this, {
      value: invite,
      table: [
        `invite   ${invite["invite_id"]}`,
        `token    ${token}`,
        `expires  ${timeText(invite["expires_at_ms"])}`,
        "",
        `zss node run --control-url ${url} --pair-mode invite --invite-token ${token}`,
      ],
      names: [token],
    });
  },
});
