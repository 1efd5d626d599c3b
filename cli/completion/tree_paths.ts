/**
 * Paths of the tree as proposals.
 *
 * @module
 */

import { rooted, withTree } from "../fs/with_tree.ts";
import type { CliContext } from "../io.ts";

/** How long a server may take before there are no proposals, in milliseconds: a person waits. */
const PATIENCE_MS = 2_000;

/** The paths that begin with `partial`; directories end with a slash. */
export async function treePaths(context: CliContext, partial: string): Promise<string[]> {
  const at = partial.lastIndexOf("/") + 1;
  const directory = partial.slice(0, at);
  const { promise: tooLate, resolve } = Promise.withResolvers<string[]>();
  const cancel = context.io.clock.after(PATIENCE_MS, () => resolve([]));
  const listed = withTree(context, async (tree) => {
    const entries = await tree.list(rooted(directory));
    return entries.filter(({ name }) => name.startsWith(partial.slice(at)))
      .map(({ name, kind }) => `${directory === "" ? "/" : directory}${name}${kind === "dir" ? "/" : ""}`);
  }).catch(() => []);
  const found = await Promise.race([listed, tooLate]);
  cancel();
  return found;
}

/** The same behind the colon with which `zss fs cp` marks paths of the tree. */
export async function markedPaths(context: CliContext, partial: string): Promise<string[]> {
  if (!partial.startsWith(":")) return [];
  const paths = await treePaths(context, partial.slice(1));
  return paths.map((path) => `:${path}`);
}
