import { contextArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { readContexts, requireContextFile, writeContexts } from "../contexts/context_file.ts";
import { contextNamed } from "../contexts/contexts.ts";
import { noteNamedContext } from "../contexts/note_named_context.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { printResult } from "../render/mod.ts";

/** `zss context use` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Make a context the current one: commands use it where nothing else names a server.

Examples:
  $ zss context use lab
  $ zss context use lab --json`),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [contextArgument],
    },
  },
  async func(_flags, name) {
    const path = requireContextFile(this.io.env);
    const contexts = await readContexts(path);
    const { url } = contextNamed(contexts, name);
    await writeContexts(path, { ...contexts, current: name });
    noteNamedContext(this.io, contexts);
    await printResult(this, {
      value: { current: name, previous: contexts.current ?? null, url },
      table: [`context ${name} is the current one: ${url}`],
      names: [name],
    });
  },
});
