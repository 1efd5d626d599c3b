/**
 * The part of a socket that a session needs.
 *
 * @module
 */

import type { WatchSocket } from "../events/hub.ts";

/** A socket that also knows what its peer has proved to be. */
export interface SessionSocket extends WatchSocket {
  /** Raises the limit of incoming frames, for a peer that has proved to be a node. */
  trustAsNode(): void;
}
