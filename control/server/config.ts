/**
 * What a server is told when it starts.
 *
 * @module
 */

import type { CertificateFiles } from "../listen/certificate.ts";
import type { ScopeTokens } from "../sessions/scope_tokens.ts";

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
  /** The certificate of the server, which then speaks TLS and nothing else; absent for plain text. */
  readonly tls?: CertificateFiles | undefined;
  /** Allows plain text beyond this machine. @default {false} */
  readonly insecureBind?: boolean;
  /** Names that a Host header may hold besides loopback, `bind` and the address connected to. @default {[]} */
  readonly allowedHosts?: readonly string[];
  /** Origins of pages that may connect besides those of the server itself, as `URL.origin` spells them. @default {[]} */
  readonly allowedOrigins?: readonly string[];
  /** A new connection has so long to say its first word, in milliseconds. @default {5000} */
  readonly handshakeTimeoutMs?: number;
  /** Tokens that changes have to carry. @default none */
  readonly scopeTokens?: ScopeTokens;
  /** Where events are written as lines, besides the store; absent for nowhere. */
  readonly eventLog?: EventLogConfig;
}

/** Settings of the event log. */
export interface EventLogConfig {
  /** Folder of the log and its archives. */
  readonly folder: string;
  /** Size above which the log is put away, in bytes; 0 for never. @default {8388608} */
  readonly rotateMaxBytes: number;
  /** How many archives are kept; 0 for all. @default {8} */
  readonly archiveKeep: number;
}

/** Reads the settings of the event log from the environment. */
export function eventLogConfigFrom(folder: string, env: Readonly<Record<string, string | undefined>>): EventLogConfig {
  return {
    folder,
    rotateMaxBytes: number(env, "NODE_SERVICE_EVENT_LOG_ROTATE_MAX_BYTES", 8_388_608, 0, 999_999_999),
    archiveKeep: number(env, "NODE_SERVICE_EVENT_LOG_ARCHIVE_KEEP", 8, 0, 64),
  };
}

/** Settings of the watch. */
export interface WatchConfig {
  /** Whether admins may watch. @default {true} */
  readonly allowAdmin: boolean;
  /** Whether users may watch what they see. @default {true} */
  readonly allowUser: boolean;
  /** Largest `replay_limit` that is granted. @default {250} */
  readonly replayMax: number;
  /** How many of the newest events `replay_limit` looks at. @default {1024} */
  readonly historyMax: number;
}

/** Reads the settings of the watch from the environment; what cannot be read counts as absent. */
export function watchConfigFrom(env: Readonly<Record<string, string | undefined>>): WatchConfig {
  return {
    allowAdmin: flag(env, "NODE_SERVICE_WATCH_ALLOW_ADMIN", true),
    allowUser: flag(env, "NODE_SERVICE_WATCH_ALLOW_USER", true),
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

/** How long a new connection may be silent, in milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;

/** Port of the reference. */
export const DEFAULT_PORT = 18_790;

/** Largest frame that a control connection may send, in bytes. */
export const CONTROL_FRAME_BYTES = 1024 * 1024;
