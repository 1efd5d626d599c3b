/**
 * Ids of nodes as proposals, and the argument that takes one.
 *
 * @module
 */

import type { CliContext } from "../io.ts";
import { argument } from "../text_flags.ts";
import { treePaths } from "./tree_paths.ts";

/** How the id of a node is declared. */
export type NodeArgument = ReturnType<typeof argument> & {
  readonly proposeCompletions: (this: CliContext, partial: string) => Promise<string[]>;
};

/** An argument that is the id of a node. */
export function nodeArgument(brief = "id of the node"): NodeArgument {
  return {
    ...argument(brief, "node_id"),
    async proposeCompletions(partial) {
      const paths = await treePaths(this, `/nodes/${partial}`);
      return paths.filter((path) => path.endsWith("/")).map((path) => path.slice("/nodes/".length, -1));
    },
  };
}
