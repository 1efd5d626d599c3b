import { buildCommand } from "@stricli/core";
import type { WorldTree } from "../../control/client/mod.ts";
import { ZssError } from "../../control/protocol/errors.ts";
import { meantPath, withTree } from "../fs/with_tree.ts";
import { treePath } from "../fs/tree_path.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { printResult } from "../render/mod.ts";

interface Flags {
  readonly parents: boolean;
}

/** `zss fs mkdir` */
export const command = buildCommand<Flags, string[], CliContext>({
  docs: helpPage(`Make directories in an exported folder of a node.

Examples:
  $ zss fs mkdir /nodes/node-1/fs/work/new
  $ zss fs mkdir -p /nodes/node-1/fs/work/a/b/c`),
  parameters: {
    flags: { parents: { kind: "boolean", brief: "make those above it too; none may be missing else", default: false } },
    aliases: { p: "parents" },
    positional: { kind: "array", parameter: treePath("directory to make"), minimum: 1 },
  },
  async func({ parents }, ...given) {
    const paths = await withTree(this, async (tree) => {
      const paths = await Promise.all(given.map((one) => meantPath(tree, one)));
      for (const path of paths) await (parents ? makeAll(tree, path) : makeOne(tree, path));
      return paths;
    });
    await printResult(this, { value: { made: paths }, table: paths.map((path) => `${path} made`), names: paths });
  },
});

/** Makes the last step of a path. */
async function makeOne(tree: WorldTree, path: string): Promise<void> {
  try {
    await tree.mkdir(path);
  } catch (error) {
    if (!(error instanceof ZssError) || error.code !== "enoent") throw error;
    throw new ZssError(error.code, `Cannot make "${path}": the directory above it is not there`, {
      hint: "add -p to make those above it too",
      cause: error,
    });
  }
}

/** Makes what is missing of a path. */
async function makeAll(tree: WorldTree, path: string): Promise<void> {
  const missing: string[] = [];
  for (let at = path; at !== "";) {
    try {
      const { kind } = await tree.stat(at === "" ? "/" : at);
      if (kind === "dir") break;
      throw new ZssError("enotdir", `Cannot make "${path}": "${at}" is a file`);
    } catch (error) {
      if (!(error instanceof ZssError) || error.code !== "enoent") throw error;
    }
    missing.unshift(at);
    at = at.slice(0, at.lastIndexOf("/"));
  }
  for (const one of missing) await tree.mkdir(one);
}
