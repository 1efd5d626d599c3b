/**
 * Shared libraries as drivers.
 *
 * @module
 */

export { DEFAULT_INVOKE_SYMBOL, nativeInprocConfig } from "./config.ts";
export { type LibraryProbe, probeLibrary } from "./probe.ts";
