import { buildCommand } from "@stricli/core";
import type { WorldTree } from "../../control/client/mod.ts";
import { ZssError } from "../../control/protocol/errors.ts";
import { usageError } from "../errors.ts";
import { meantPath, withTree } from "../fs/with_tree.ts";
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

A symbolic link is removed, and what it leads to stays; it may lead nowhere or out of the folder.

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
      for (const one of given) {
        const path = await meantPath(tree, one);
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
  const { kind, link } = await tree.stat(path).catch((error: unknown) => {
    // A link that leads nowhere, or out of the folder, has a name and nothing else.
    if (error instanceof ZssError && (error.code === "enoent" || error.code === "eperm")) {
      return { kind: "file", link: true };
    }
    throw error;
  });
  if (kind === "dir" && link !== true) {
    if (!recursive) {
      throw usageError(`Cannot remove "${path}": it is a directory`, "add -r to remove what is in it too");
    }
    return await removeDirectory(tree, path);
  }
  await tree.remove(path);
}

/** Removes a directory, and what is in it only when the node says that this is in the way: of a link it never does. */
async function removeDirectory(tree: WorldTree, path: string): Promise<void> {
  try {
    return await tree.remove(path);
  } catch (error) {
    if (!isInTheWay(error)) throw error;
  }
  for (const { name, kind, link } of await tree.list(path, { links: true })) {
    const child = `${path}/${name}`;
    if (kind === "dir" && link !== true) await removeDirectory(tree, child);
    else await tree.remove(child);
  }
  try {
    await tree.remove(path);
  } catch (error) {
    if (!isInTheWay(error)) throw error;
    throw new ZssError("enotempty", `Cannot remove "${path}": it holds entries that are not shown`, {
      hint: "names that the node hides, or links that an older node does not tell of: remove them on its machine",
      cause: error,
    });
  }
}

/** Whether a directory stays because something is in it. */
function isInTheWay(error: unknown): boolean {
  return error instanceof ZssError && (error.code === "enotempty" || error.code === "eexist");
}
