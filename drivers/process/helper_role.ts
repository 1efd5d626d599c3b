/**
 * What makes a process of this program a helper; see `self_command.ts`.
 *
 * @module
 */

/** The variable that makes a process a helper. */
export const HELPER_VARIABLE = "ZSS_HELPER";

/** What a helper is for. */
export type HelperRole = "driver" | "inproc" | "wasm" | "plugin" | "terminal";
