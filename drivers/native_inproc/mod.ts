/**
 * Shared libraries as drivers.
 *
 * @module
 */

export { type LibraryProbe, probeLibrary } from "./probe.ts";
