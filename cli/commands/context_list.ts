import { buildCommand } from "@stricli/core";
import { readContexts, requireContextFile } from "../contexts/context_file.ts";
import { contextValue } from "../contexts/context_value.ts";
import { noteNamedContext } from "../contexts/note_named_context.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { printResult } from "../render/mod.ts";

/** `zss context list` */
export const command = buildCommand<Record<never, never>, [], CliContext>({
  docs: helpPage(`List the contexts in the order in which they were added. An asterisk marks the
current one. Tokens are not shown, only whether there is one.

Examples:
  $ zss context list
  $ zss context list -o name
  $ zss context list --json`),
  parameters: {},
  async func() {
    const all = await readContexts(requireContextFile(this.io.env));
    noteNamedContext(this.io, all);
    const { current } = all;
    const contexts = [...all.byName];
    await printResult(this, {
      value: {
        current: current ?? null,
        contexts: contexts.map(([name, context]) => ({ ...contextValue(name, context), current: name === current })),
      },
      table: {
        columns: ["CURRENT", "NAME", "URL", "TOKEN", "PROJECT", "CA"],
        rows: contexts.map(([name, { url, token, project, ca }]) => [
          name === current ? "*" : "",
          name,
          url,
          token === undefined ? "no" : "yes",
          project ?? "-",
          ca ?? "-",
        ]),
        empty: "(no contexts)",
      },
      names: contexts.map(([name]) => name),
    });
  },
});
