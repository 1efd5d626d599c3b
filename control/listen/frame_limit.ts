/**
 * How much one frame of the file protocol may hold.
 *
 * @module
 */

/** Largest frame of a node's connection and of the file protocol, in bytes. */
export const FS_FRAME_BYTES: number = 4 * 1024 * 1024;
