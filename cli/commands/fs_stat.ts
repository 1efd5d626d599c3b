import { buildCommand } from "@stricli/core";
import { timeText } from "../answer.ts";
import { modeText } from "../fs/mode_text.ts";
import { sizeText } from "../fs/sizes.ts";
import { meantPath, withTree } from "../fs/with_tree.ts";
import { treePath } from "../fs/tree_path.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { printResult } from "../render/mod.ts";

/** `zss fs stat` */
export const command = buildCommand<Record<never, never>, [string], CliContext>({
  docs: helpPage(`Describe a file or directory of the tree.

Examples:
  $ zss fs stat /nodes/node-1/fs/work/a.txt
  $ zss fs stat /nodes/node-1 --json`),
  parameters: {
    positional: { kind: "tuple", parameters: [treePath("what to describe")] },
  },
  async func(_flags, given) {
    const [path, entry] = await withTree(this, async (tree) => {
      const path = await meantPath(tree, given);
      return [path, await tree.stat(path)] as const;
    });
    const kind = entry.kind === "dir" ? "directory" : "file";
    await printResult(this, {
      value: { path, ...entry },
      table: [
        `path      ${path}`,
        `kind      ${kind}${entry.link === true ? ", by a symbolic link" : ""}`,
        ...(entry.kind === "dir" ? [] : [`size      ${sizeText(entry.size)} (${entry.size})`]),
        `mode      ${modeText(entry.mode)}`,
        `writable  ${entry.writable ? "yes" : "no"}`,
        ...(entry.mtime_ms === undefined ? [] : [`modified  ${timeText(entry.mtime_ms)}`]),
      ],
      names: [path],
    });
  },
});
