import { contextArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { readContexts, requireContextFile, writeContexts } from "../contexts/context_file.ts";
import { contextNamed } from "../contexts/contexts.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { printResult } from "../render/mod.ts";

/** `zss context delete` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Forget a context and its token. The token stays good on its server. When it was
the current context, there is none afterwards.

Examples:
  $ zss context delete lab
  $ zss context delete lab --json`),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [contextArgument],
    },
  },
  async func(_flags, name) {
    const path = requireContextFile(this.io.env);
    const contexts = await readContexts(path);
    contextNamed(contexts, name, undefined, "delete");
    const byName = new Map(contexts.byName);
    byName.delete(name);
    const current = contexts.current === name ? undefined : contexts.current;
    await writeContexts(path, { current, byName });
    if (contexts.current === name) this.io.stderr.write("there is no current context now\n");
    await printResult(this, {
      value: { deleted: name, current: current ?? null },
      table: [`context ${name} deleted`],
      names: [name],
    });
  },
});
