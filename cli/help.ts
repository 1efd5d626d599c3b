/**
 * A command's help page as the command line wants it.
 *
 * @module
 */

/** The page; what the list of commands says stands in `routes.ts`. */
export function helpPage(text: string): { readonly brief: string; readonly fullDescription: string } {
  return { brief: text.split("\n", 1)[0] ?? "", fullDescription: text };
}
