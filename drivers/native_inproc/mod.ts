/**
 * Shared libraries as drivers: what a helper does for one.
 *
 * @module
 */

export { serveLibrary } from "./library_server.ts";
export { type LibraryProbe, probeLibrary } from "./probe.ts";
