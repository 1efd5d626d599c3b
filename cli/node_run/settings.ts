/**
 * What the flags and the environment of `zss node run` ask for.
 *
 * @module
 */

import type { NodeOptions, ServingOptions, StandaloneOptions } from "../../runtime/mod.ts";
import { allowedList, hostWord } from "../allowed.ts";
import { usageError } from "../errors.ts";
import type { CliContext, CliIo } from "../io.ts";
import type { LogWishes } from "../log_flags.ts";
import { nodeRemoteOf, readToken } from "../remote.ts";
import { pairsOf } from "../text_flags.ts";
import { certificateFiles } from "../tls_flags.ts";

/** The flags as given. */
export interface NodeRunFlags extends LogWishes {
  readonly controlUrl?: string;
  readonly controlAuthToken?: string;
  readonly operatorToken?: string;
  readonly pairMode?: "invite" | "request";
  readonly inviteToken?: string;
  readonly inviteTokenFile?: string;
  readonly nodeName: string;
  readonly export: string[];
  readonly serviceManifest: string[];
  readonly servicesDir: string[];
  readonly terminalId: string[];
  readonly terminalRole: ("user" | "operator")[];
  readonly stateFile: string;
  readonly label: string[];
  readonly fsService: boolean;
  readonly allowInproc: boolean;
  readonly leaseTtlMs: number;
  readonly refreshIntervalMs: number;
  readonly manifestReloadIntervalMs: number;
  readonly invokeAnswerMs: number;
  readonly reconnectBackoffMs: number;
  readonly reconnectBackoffMaxMs?: number;
  readonly drainTimeoutMs: number;
  readonly bind?: string;
  readonly port?: number;
  readonly authToken?: string;
  readonly authTokenFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly insecureBind?: boolean;
  readonly allowedHost: string[];
  readonly readyFile?: string;
  readonly metricsPort?: number;
  readonly metricsBind: string;
  readonly check: boolean;
  readonly checkServer: boolean;
}

/** Port of the reference. */
const STANDALONE_PORT = 18_891;
/** Longest wait before a new connection unless told otherwise, in milliseconds. */
const BACKOFF_MAX_MS = 60_000;

/** What a node is to do. */
export type NodeSettings =
  | { readonly mode: "paired"; readonly options: NodeOptions }
  | { readonly mode: "standalone"; readonly options: StandaloneOptions };

/**
 * Reads flags and environment.
 *
 * @throws {ZssError} `usage` for what does not fit together, `invalid_export`.
 */
export async function settingsOf(context: CliContext, flags: NodeRunFlags): Promise<NodeSettings> {
  const { io } = context;
  const { isIdentifier } = await import("../../control/protocol/mod.ts");
  if (!isIdentifier(flags.nodeName)) {
    throw usageError(
      `Cannot name the node "${flags.nodeName}"`,
      "--node-name takes 1 to 128 letters, digits, dots, underscores and hyphens",
    );
  }
  const { url: controlUrl, from, token, ca } = await nodeRemoteOf(context, flags.controlUrl);
  const serving = await servingOf(flags);
  const labels = labelsOf(flags.label, isIdentifier);
  const invite = inviteOf(io.env, flags);
  if (controlUrl === undefined) {
    requireNone(flags, FOR_SERVERS, "without a control plane", FORGOTTEN_HINT);
    if (invite !== undefined) {
      throw usageError(`Cannot use the invite of ${invite.from} without a control plane`, FORGOTTEN_HINT);
    }
    return { mode: "standalone", options: { ...serving, endpoint: await endpointOf(io, flags) } };
  }
  const foreign = FOR_STANDALONE.filter((name) => name !== "insecureBind" || flags.metricsPort === undefined);
  requireNone(
    flags,
    foreign,
    `with a control plane, which ${from} names`,
    from === "--control-url"
      ? "clients reach a paired node through its server"
      : `clients reach a paired node through its server; without ${from} the node runs by itself`,
  );
  const backoff = { baseMs: flags.reconnectBackoffMs, maxMs: backoffMaxOf(flags) };
  if (flags.refreshIntervalMs >= flags.leaseTtlMs) {
    throw usageError(
      `Cannot refresh a lease of ${flags.leaseTtlMs} ms every ${flags.refreshIntervalMs} ms: it would end each time`,
      "--refresh-interval-ms must be shorter than --lease-ttl-ms, a third of it or less",
    );
  }
  return {
    mode: "paired",
    options: {
      ...serving,
      controlUrl,
      token: flags.controlAuthToken ?? token,
      pairMode: flags.pairMode ?? (invite === undefined ? "request" : "invite"),
      ca,
      inviteToken: invite?.token,
      labels,
      leaseTtlMs: flags.leaseTtlMs,
      refreshIntervalMs: flags.refreshIntervalMs,
      backoff,
    },
  };
}

/** Flags that say something to or of a server. */
const FOR_SERVERS = ["pairMode", "controlAuthToken", "operatorToken", "checkServer"] as const;
/** Flags of a node that takes clients itself. */
const FOR_STANDALONE = [
  ...["bind", "port", "authToken", "authTokenFile", "tlsCert", "tlsKey", "insecureBind", "readyFile"] as const,
] as const;
const FORGOTTEN_HINT = "name the server with --control-url, or leave this out to run standalone";

function requireNone(flags: NodeRunFlags, names: readonly (keyof NodeRunFlags)[], where: string, hint: string): void {
  const found = names.find((name) => flags[name] !== undefined && flags[name] !== false);
  if (found === undefined) return;
  throw usageError(`Cannot use --${found.replace(/[A-Z]/g, (one) => `-${one.toLowerCase()}`)} ${where}`, hint);
}

async function servingOf(flags: NodeRunFlags): Promise<ServingOptions> {
  const { parseExport } = await import("../../runtime/mod.ts");
  const exports = flags.export.map(parseExport);
  const twice = exports.find(({ name }, index) => exports.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) throw usageError(`Cannot use --export twice for "${twice.name}"`);
  return {
    nodeName: flags.nodeName,
    exports,
    manifestFiles: flags.serviceManifest,
    manifestDirs: flags.servicesDir,
    terminalIds: terminalIdsOf(flags.terminalId),
    terminalRoles: flags.terminalRole,
    stateFile: flags.stateFile,
    fsService: flags.fsService,
    reloadIntervalMs: flags.manifestReloadIntervalMs,
    invokeAnswerMs: flags.invokeAnswerMs,
    drainTimeoutMs: flags.drainTimeoutMs,
  };
}

function terminalIdsOf(ids: readonly string[]): readonly string[] {
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw usageError(`Cannot use --terminal-id twice for "${twice}"`);
  const wrong = ids.find((id) => !/^[A-Za-z0-9._-]{1,100}$/.test(id));
  if (wrong === undefined) return ids;
  throw usageError(
    `Cannot use --terminal-id ${JSON.stringify(wrong)}`,
    "an id has 1 to 100 letters, digits, dots, underscores and hyphens",
  );
}

async function endpointOf(io: CliIo, flags: NodeRunFlags): Promise<StandaloneOptions["endpoint"]> {
  return {
    bind: flags.bind ?? "127.0.0.1",
    port: flags.port ?? STANDALONE_PORT,
    authToken: await authTokenOf(io.env, flags),
    tls: certificateFiles(flags),
    insecureBind: flags.insecureBind ?? false,
    allowedHosts: allowedHostsOf(io, flags),
  };
}

/** Names by which the node and its numbers are reached. */
export function allowedHostsOf({ env }: CliIo, flags: NodeRunFlags): readonly string[] {
  return allowedList(flags.allowedHost, env, "ZSS_ALLOWED_HOSTS", hostWord);
}

/** What clients of a standalone node have to bring. */
async function authTokenOf(env: CliIo["env"], flags: NodeRunFlags): Promise<string | undefined> {
  if (flags.authToken !== undefined && flags.authTokenFile !== undefined) {
    throw usageError("Cannot use --auth-token and --auth-token-file together");
  }
  if (flags.authTokenFile !== undefined) return await readToken(flags.authTokenFile, "--auth-token-file");
  return flags.authToken ?? firstOf(env, "ZSS_NODE_AUTH_TOKEN", "SPIDERWEB_FS_NODE_AUTH_TOKEN")?.value;
}

interface Invite {
  readonly token: string | (() => Promise<string>);
  readonly from: string;
}

/** The invite to pair with; one that stands in a file is read when it is used. */
function inviteOf(env: CliIo["env"], flags: NodeRunFlags): Invite | undefined {
  if (flags.inviteToken !== undefined && flags.inviteTokenFile !== undefined) {
    throw usageError("Cannot use --invite-token and --invite-token-file together");
  }
  if (flags.inviteToken !== undefined) return { token: flags.inviteToken, from: "--invite-token" };
  if (flags.inviteTokenFile !== undefined) return fromFile(flags.inviteTokenFile, "--invite-token-file");
  const text = firstOf(env, "ZSS_INVITE_TOKEN");
  if (text !== undefined) return { token: text.value, from: text.name };
  const file = firstOf(env, "ZSS_INVITE_TOKEN_FILE");
  return file === undefined ? undefined : fromFile(file.value, file.name);
}

function fromFile(path: string, from: string): Invite {
  const token = async () => {
    try {
      return await readToken(path, from);
    } catch (cause) {
      const { ZssError, errorText } = await import("../../control/protocol/errors.ts");
      throw new ZssError("invite_unreadable", errorText(cause), { cause });
    }
  };
  return { token, from };
}

/** Whitespace around a value does not count, and an empty one is none. */
function firstOf(env: CliIo["env"], ...names: readonly string[]): { name: string; value: string } | undefined {
  for (const name of names) {
    const value = (env[name] ?? "").trim();
    if (value !== "") return { name, value };
  }
  return undefined;
}

function backoffMaxOf({ reconnectBackoffMs: base, reconnectBackoffMaxMs: max }: NodeRunFlags): number {
  if (max === undefined) return Math.max(base, BACKOFF_MAX_MS);
  if (max >= base) return max;
  throw usageError(
    `Cannot wait at first ${base} ms and at most ${max} ms for a new connection`,
    "--reconnect-backoff-max-ms must be at least --reconnect-backoff-ms",
  );
}

function labelsOf(texts: readonly string[], isIdentifier: (text: string) => boolean): Record<string, string> {
  const labels = pairsOf(texts, "--label");
  for (const [key, value] of Object.entries(labels)) {
    if (!isIdentifier(key)) {
      throw usageError(
        `Cannot use --label "${key}": a key has 1 to 128 letters, digits, dots, underscores and hyphens`,
      );
    }
    // deno-lint-ignore no-control-regex -- control characters are exactly what is refused
    if (value === "" || new TextEncoder().encode(value).length > 512 || /[\u0000-\u001f\u007f]/.test(value)) {
      throw usageError(`Cannot use --label "${key}": a value has 1 to 512 bytes and no control characters`);
    }
  }
  return labels;
}
