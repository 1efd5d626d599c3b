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
A file of that name is replaced; two things that would get the same name are not moved at all. A target that ends in a
slash is a directory.

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
      const moves = paths.map((from) => ({ from, to: isDirectory ? below(target, nameOf(from)) : target }));
      requireSane(moves);
      if (!isDirectory && given.at(-1)?.endsWith("/") === true) await requireDirectory(tree, moves);
      for (const { from, to } of moves) {
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

interface Move {
  readonly from: string;
  readonly to: string;
}

/** Refuses, before anything is moved, what could only fail or lose something. */
function requireSane(moves: readonly Move[]): void {
  const taken = new Map<string, string>();
  for (const { from, to } of moves) {
    if (from === to) throw usageError(`Cannot move "${from}" to "${to}": it is there already`);
    if (to.startsWith(`${from}/`)) {
      throw usageError(`Cannot move "${from}" to "${to}": a directory cannot go into itself`);
    }
    const other = taken.get(to);
    if (other === from) throw usageError(`Cannot move "${from}": it is named twice`);
    if (other !== undefined) {
      throw usageError(
        `Cannot move "${from}" to "${to}": it would replace "${other}", which goes there too`,
        "nothing was moved; move them one at a time, each to a name of its own",
      );
    }
    taken.set(to, from);
  }
}

/** Refuses to give a file a name that was written as that of a directory. */
async function requireDirectory(tree: WorldTree, moves: readonly Move[]): Promise<void> {
  for (const { from, to } of moves) {
    const { kind, link } = await tree.stat(from);
    if (kind === "dir" && link !== true) continue;
    throw usageError(
      `Cannot move "${from}" to "${to}/": no directory is there`,
      "make it first: zss fs mkdir; or leave the slash out",
    );
  }
}

async function isDirectoryAt(tree: WorldTree, path: string): Promise<boolean> {
  try {
    return (await tree.stat(path)).kind === "dir";
  } catch (error) {
    if (error instanceof ZssError && error.code === "enoent") return false;
    throw error;
  }
}
