import { buildCommand } from "@stricli/core";
import { wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss node invite` */
export const command = buildCommand<{ readonly expiresInMs: number }, [], CliContext>({
  docs: helpPage(`Make an invite. It admits one node, once, and is shown only now.

Examples:
  $ zss node invite
  $ zss node invite --expires-in-ms 60000
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
    },
  },
  async func(flags) {
    const [invite, url] = await withConnection(
      this,
      async (connection, remote) =>
        [await connection.call("node_invite_create", { expires_in_ms: flags.expiresInMs }), remote.url] as const,
    );
    const token = String(invite["invite_token"]);
    await printResult(this, {
      value: invite,
      table: [
        `invite   ${invite["invite_id"]}`,
        `token    ${token}`,
        `expires  ${new Date(Number(invite["expires_at_ms"])).toISOString()}`,
        "",
        `zss node run --control-url ${url} --pair-mode invite --invite-token ${token}`,
      ],
      names: [token],
    });
  },
});
