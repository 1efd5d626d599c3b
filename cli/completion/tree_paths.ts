/**
 * Paths of the tree as proposals.
 *
 * @module
 */

import { meantPath, withTree } from "../fs/with_tree.ts";
import type { CliContext } from "../io.ts";
import { inTime } from "./in_time.ts";

/** The paths that begin with `partial`; directories end with a slash. */
export async function treePaths(context: CliContext, partial: string): Promise<string[]> {
  const at = partial.lastIndexOf("/") + 1;
  const directory = partial.slice(0, at);
  const listed = withTree(context, async (tree) => {
    const entries = await tree.list(await meantPath(tree, directory));
    return entries.filter(({ name }) => name.startsWith(partial.slice(at)))
      .map(({ name, kind }) => `${directory === "" ? "/" : directory}${name}${kind === "dir" ? "/" : ""}`);
  });
  return await inTime(context.io.clock, listed, []);
}

/** The same behind the colon with which `zss fs cp` marks paths of the tree. */
export async function markedPaths(context: CliContext, partial: string): Promise<string[]> {
  if (!partial.startsWith(":")) return [];
  const paths = await treePaths(context, partial.slice(1));
  return paths.map((path) => `:${path}`);
}
