/**
 * The argument that names a file of the tree.
 *
 * @module
 */

import { treePaths } from "../completion/tree_paths.ts";
import { nonEmpty } from "../flags.ts";
import type { CliContext } from "../io.ts";

/** How the path is declared. */
interface PathArgument {
  readonly parse: (text: string) => string;
  readonly brief: string;
  readonly placeholder: string;
  readonly proposeCompletions: (this: CliContext, partial: string) => Promise<string[]>;
}

/** A path that has to be there, or may be left out. */
export function treePath(brief: string): PathArgument;
export function treePath(brief: string, how: { readonly optional: true }): PathArgument & { readonly optional: true };
export function treePath(brief: string, how: { readonly optional?: true } = {}): PathArgument {
  return {
    parse: nonEmpty,
    brief,
    placeholder: "path",
    proposeCompletions(partial) {
      return treePaths(this, partial);
    },
    ...how,
  };
}
