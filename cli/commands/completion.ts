import { buildCommand } from "@stricli/core";
import { completionScripts } from "../completion/scripts.ts";
import { usageError } from "../errors.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";

const shells = Object.keys(completionScripts);

/** `zss completion` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Print a script that makes a shell complete commands, options, paths of the tree, and
the ids and names of nodes, services, tokens, projects and contexts.

Examples:
  $ source <(zss completion bash)
  $ source <(zss completion zsh)
  $ zss completion fish | source
  $ zss completion powershell | Out-String | Invoke-Expression

Put the line into the start file of your shell to have it always.`),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{
        parse: String,
        brief: shells.join(", "),
        placeholder: "shell",
        proposeCompletions: () => shells,
      }],
    },
  },
  func(_flags, shell) {
    const script = Object.hasOwn(completionScripts, shell) ? completionScripts[shell] : undefined;
    if (script === undefined) {
      throw usageError(`Cannot complete for "${shell}": no such shell`, `the shells are ${shells.join(", ")}`);
    }
    this.io.stdout.write(script);
  },
});
