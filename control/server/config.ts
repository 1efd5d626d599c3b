/**
 * What a server is told when it starts.
 *
 * @module
 */

/** Settings of a server, all resolved. */
export interface ServerConfig {
  /** Address to listen on. @default {"127.0.0.1"} */
  readonly bind: string;
  /** TCP port; 0 lets the system choose. @default {18790} */
  readonly port: number;
  /** Folder of the store. */
  readonly dataDir: string;
  /** An admin token chosen by the operator. Without one the first start makes one. */
  readonly adminToken: string | undefined;
  /** At most this many sockets that have not proved who they are. @default {256} */
  readonly maxAnonymousSockets: number;
  /** Time between pings, in milliseconds; a peer that misses two is dropped. @default {20000} */
  readonly pingIntervalMs: number;
}

/** Port of the reference. */
export const DEFAULT_PORT = 18_790;

/** Largest frame that a control connection may send, in bytes. */
export const CONTROL_FRAME_BYTES = 1024 * 1024;

/** Largest frame of a node's connection and of the file protocol, in bytes. */
export const FS_FRAME_BYTES = 4 * 1024 * 1024;
