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
  /** How long a node may be offline before it is deleted, in milliseconds. @default {86400000} */
  readonly offlineGraceMs: number;
  /** What is set of the watch. */
  readonly watch: WatchConfig;
}

/** Settings of the watch. */
export interface WatchConfig {
  /** Whether admins may watch. @default {true} */
  readonly allowAdmin: boolean;
  /** Largest `replay_limit` that is granted. @default {250} */
  readonly replayMax: number;
  /** How many of the newest events `replay_limit` looks at. @default {1024} */
  readonly historyMax: number;
}

/** Reads the settings of the watch from the environment; what cannot be read counts as absent. */
export function watchConfigFrom(env: Readonly<Record<string, string | undefined>>): WatchConfig {
  return {
    allowAdmin: flag(env, "NODE_SERVICE_WATCH_ALLOW_ADMIN", true),
    replayMax: number(env, "NODE_SERVICE_WATCH_REPLAY_MAX", 250, 1, 10_000),
    historyMax: number(env, "NODE_SERVICE_EVENT_HISTORY_MAX", 1024, 64, 20_000),
  };
}

/** A variable under its name here, or under that of the reference. */
function variable(env: Readonly<Record<string, string | undefined>>, name: string): string {
  return (env[`ZSS_${name}`] ?? env[`SPIDERWEB_${name}`] ?? "").trim().toLowerCase();
}

function flag(env: Readonly<Record<string, string | undefined>>, name: string, fallback: boolean): boolean {
  const text = variable(env, name);
  if (["1", "true", "yes", "on"].includes(text)) return true;
  return ["0", "false", "no", "off"].includes(text) ? false : fallback;
}

function number(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  fallback: number,
  least: number,
  most: number,
): number {
  const text = variable(env, name);
  return /^[0-9]{1,9}$/.test(text) ? Math.min(most, Math.max(least, Number(text))) : fallback;
}

/** Port of the reference. */
export const DEFAULT_PORT = 18_790;

/** Largest frame that a control connection may send, in bytes. */
export const CONTROL_FRAME_BYTES = 1024 * 1024;

/** Largest frame of a node's connection and of the file protocol, in bytes. */
export const FS_FRAME_BYTES = 4 * 1024 * 1024;
