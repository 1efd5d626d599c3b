import { buildCommand } from "@stricli/core";
import type { WorldTree } from "../../control/client/mod.ts";
import { ZssError } from "../../control/protocol/errors.ts";
import { usageError } from "../errors.ts";
import { rooted, withTree } from "../fs/with_tree.ts";
import { treePath } from "../fs/tree_path.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { printResult } from "../render/mod.ts";

interface Flags {
  readonly recursive: boolean;
  readonly force: boolean;
}

/** `zss fs rm` */
export const command = buildCommand<Flags, string[], CliContext>({
  docs: helpPage(`Remove files and directories of an exported folder of a node.

Examples:
  $ zss fs rm /nodes/node-1/fs/work/a.txt
  $ zss fs rm -r /nodes/node-1/fs/work/old`),
  parameters: {
    flags: {
      recursive: { kind: "boolean", brief: "remove directories with what is in them", default: false },
      force: { kind: "boolean", brief: "say nothing of what is not there", default: false },
    },
    aliases: { r: "recursive", f: "force" },
    positional: { kind: "array", parameter: treePath("what to remove"), minimum: 1 },
  },
  async func({ recursive, force }, ...given) {
    const removed: string[] = [];
    await withTree(this, async (tree) => {
      for (const path of given.map(rooted)) {
        try {
          await remove(tree, path, recursive);
        } catch (error) {
          if (!force || !(error instanceof ZssError) || error.code !== "enoent") throw error;
          continue;
        }
        removed.push(path);
      }
    });
    await printResult(this, { value: { removed }, table: removed.map((path) => `${path} removed`), names: removed });
  },
});

async function remove(tree: WorldTree, path: string, recursive: boolean): Promise<void> {
  if ((await tree.stat(path)).kind === "dir") {
    if (!recursive) {
      throw usageError(`Cannot remove "${path}": it is a directory`, "add -r to remove what is in it too");
    }
    for (const { name } of await tree.list(path)) await remove(tree, `${path}/${name}`, true);
  }
  await tree.remove(path);
}
