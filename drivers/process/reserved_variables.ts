/**
 * The variables that zss keeps for itself.
 *
 * @module
 */

/** What no manifest hands to a program: the tokens of the node, and the variable that makes a helper of zss. */
const reserved: ReadonlySet<string> = new Set([
  "ZSS_TOKEN",
  "ZSS_ADMIN_TOKEN",
  "SPIDERWEB_AUTH_TOKEN",
  "ZSS_HELPER",
]);

/** Whether a manifest must not set a variable, because it would publish a token or change what zss starts. */
export function isReservedVariable(name: string): boolean {
  // Some systems do not tell `Path` from `PATH`.
  return reserved.has(name.toUpperCase());
}
