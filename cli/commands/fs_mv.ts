import { buildCommand } from "@stricli/core";
import type { WorldTree } from "../../control/client/mod.ts";
import { ZssError } from "../../control/protocol/errors.ts";
import { usageError } from "../errors.ts";
import { treePath } from "../fs/tree_path.ts";
import { below, meantPath, nameOf, withTree } from "../fs/with_tree.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { printResult } from "../render/mod.ts";

/** `zss fs mv` */
export const command = buildCommand<Record<never, never>, string[], CliContext>({
  docs: helpPage(`Move or rename files and directories within an exported folder of a node.

The last path is the target: a directory that is there, into which the others go, or the new name of the only other one.
A file of that name is replaced.

Examples:
  $ zss fs mv /nodes/node-1/fs/work/draft.txt /nodes/node-1/fs/work/final.txt
  $ zss fs mv /nodes/node-1/fs/work/a.log /nodes/node-1/fs/work/b.log /nodes/node-1/fs/work/old`),
  parameters: {
    flags: {},
    positional: { kind: "array", parameter: treePath("what to move, then where to"), minimum: 2 },
  },
  async func(_flags, ...given) {
    const moved: { readonly from: string; readonly to: string }[] = [];
    await withTree(this, async (tree) => {
      const paths = await Promise.all(given.map((path) => meantPath(tree, path)));
      const target = paths.pop() ?? "/";
      const isDirectory = await isDirectoryAt(tree, target);
      if (paths.length > 1 && !isDirectory) {
        throw usageError(
          `Cannot move ${paths.length} things to "${target}": it is no directory that is there`,
          "make it first: zss fs mkdir",
        );
      }
      for (const from of paths) {
        const to = isDirectory ? below(target, nameOf(from)) : target;
        await tree.rename(from, to);
        moved.push({ from, to });
      }
    });
    await printResult(this, {
      value: { moved },
      table: moved.map(({ from, to }) => `${from} moved to ${to}`),
      names: moved.map(({ to }) => to),
    });
  },
});

async function isDirectoryAt(tree: WorldTree, path: string): Promise<boolean> {
  try {
    return (await tree.stat(path)).kind === "dir";
  } catch (error) {
    if (error instanceof ZssError && error.code === "enoent") return false;
    throw error;
  }
}
