import { buildCommand } from "@stricli/core";
import { contextFile } from "../contexts/context_file.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { resolvedRemote, wishesOf } from "../remote.ts";
import { printResult } from "../render/mod.ts";

/** `zss context show` */
export const command = buildCommand<Record<never, never>, [], CliContext>({
  docs: helpPage(`Show which server a command would talk to now, and where each part of that comes
from: a flag, a variable, the context or the default. Takes the flags that any
command takes. The token is not shown, and the server is not asked.

Examples:
  $ zss context show
  $ zss context show --context lab
  $ zss context show -o name`),
  parameters: {},
  async func() {
    const remote = await resolvedRemote(this, await wishesOf(this));
    const { context, url, urlFrom, tokenFrom, ca, project } = remote;
    const file = contextFile(this.io.env);
    await printResult(this, {
      value: {
        context: context ?? null,
        url,
        url_from: urlFrom,
        has_token: tokenFrom !== undefined,
        token_from: tokenFrom,
        ca,
        project,
        file,
      },
      table: [
        `context  ${context ?? "(none)"}`,
        `url      ${url} (${urlFrom})`,
        `token    ${tokenFrom === undefined ? "(none)" : `set (${tokenFrom})`}`,
        ...(ca === undefined ? [] : [`ca       ${ca}`]),
        ...(project === undefined ? [] : [`project  ${project}`]),
        `file     ${file ?? "(none)"}`,
      ],
      names: context === undefined ? [] : [context],
    });
  },
});
