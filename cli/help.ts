/**
 * A command's help page as the command line wants it.
 *
 * @module
 */

/**
 * The page; what the list of commands says stands in `routes.ts`.
 *
 * @param usage What follows the name of the command, where that is not what its options and arguments say.
 */
export function helpPage(
  text: string,
  ...usage: readonly string[]
): { readonly brief: string; readonly fullDescription: string; readonly customUsage?: readonly string[] } {
  return {
    brief: text.split("\n", 1)[0] ?? "",
    fullDescription: text,
    ...(usage.length === 0 ? {} : { customUsage: usage }),
  };
}
