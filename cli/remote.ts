/**
 * How a command reaches the server.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import type { ControlConnection, SessionTarget } from "../control/client/mod.ts";
import { errorText, ZssError } from "../control/protocol/errors.ts";
import { trustedCa } from "./ca.ts";
import { contextFile, readContexts } from "./contexts/context_file.ts";
import { noContexts } from "./contexts/contexts.ts";
import { asksContexts, type Remote, resolveRemote, type Said, type Wishes } from "./contexts/resolve_remote.ts";
import { usageError } from "./errors.ts";
import type { CliContext, CliIo } from "./io.ts";

/** What a client of the server is given. */
export interface RemoteAccess {
  readonly url: string;
  readonly token: string | undefined;
  /** Certificates in PEM form. */
  readonly ca: string | undefined;
  /** What to bind the session to; `undefined` for what the server remembers. */
  readonly attach: SessionTarget | undefined;
}

/** Address, token and certificates that the flags, the environment and the contexts name. */
export async function remoteOf(context: CliContext): Promise<RemoteAccess> {
  const { url, token, ca, project } = await resolvedRemote(context, await wishesOf(context));
  return {
    url,
    token,
    ca: await caOf(context, ca),
    attach: targetOf(context, project),
  };
}

/** The project that the flag, the environment or the context names, for the agent that the environment names. */
function targetOf({ io, globals }: CliContext, ofContext: string | undefined): SessionTarget | undefined {
  const project = saidProject({ io, globals })?.value ?? ofContext;
  if (project === undefined) return undefined;
  const token = variable(io.env, "ZSS_PROJECT_TOKEN")?.value;
  return {
    agent_id: variable(io.env, "ZSS_AGENT")?.value ?? "cli",
    project_id: project,
    ...(token === undefined ? {} : { project_token: token }),
  };
}

/** Where a node finds its server. */
interface NodeRemote {
  /** Undefined for a node without a server. */
  readonly url: string | undefined;
  /** What named it, for messages. */
  readonly from: string | undefined;
  readonly token: string | undefined;
  readonly ca: string | undefined;
}

/**
 * The same for a node, which is no client: an address must be named, so that a
 * current context starts no node by itself, and the token of a context stays
 * with its user, for a node proves itself with its own secret.
 *
 * @param controlUrl Goes before everything else.
 */
export async function nodeRemoteOf(
  context: CliContext,
  controlUrl: string | undefined,
): Promise<NodeRemote> {
  const wishes = await wishesOf(context);
  const url = controlUrl === undefined ? wishes.url : { value: controlUrl, from: "--control-url" };
  const token = wishes.token?.value;
  if (wishes.context === undefined) {
    return { url: url?.value, from: url?.from, token, ca: await caOf(context, undefined) };
  }
  // A token that is given cannot displace that of the context, which a node does not use anyway.
  const remote = await resolvedRemote(context, { url, context: wishes.context });
  const from = url?.from ?? `the context of ${wishes.context.from}`;
  return { url: remote.url, from, token, ca: await caOf(context, remote.ca) };
}

/** What `--ca` or ZSS_CA names goes before the certificates of a context. */
async function caOf(context: CliContext, ofContext: string | undefined): Promise<string | undefined> {
  return await trustedCa(context) ?? (ofContext === undefined ? undefined : await readCertificates(ofContext));
}

/** What flags and environment say of the server; reads the token file. */
export async function wishesOf({ io, globals }: CliContext): Promise<Wishes> {
  const token = globals.tokenFile === undefined
    ? environmentToken(io.env)
    : { value: await readToken(globals.tokenFile, "--token-file"), from: "--token-file" };
  return {
    url: flag(globals.url, "--url") ?? variable(io.env, "ZSS_URL", "SPIDERWEB_URL"),
    token,
    context: flag(globals.context, "--context") ?? variable(io.env, "ZSS_CONTEXT"),
  };
}

/** The project that a flag or the environment names. */
export function saidProject({ io, globals }: Pick<CliContext, "io" | "globals">): Said | undefined {
  return flag(globals.project, "--project") ?? variable(io.env, "ZSS_PROJECT");
}

/** The file of certificates that a flag or the environment names. */
export function saidCa({ io, globals }: Pick<CliContext, "io" | "globals">): Said | undefined {
  return flag(globals.ca, "--ca") ?? variable(io.env, "ZSS_CA");
}

/** Decides where to connect, and says on standard error what the user may not have meant. */
export async function resolvedRemote({ io }: CliContext, wishes: Wishes): Promise<Remote> {
  const path = asksContexts(wishes) ? contextFile(io.env) : undefined;
  const remote = resolveRemote(wishes, path === undefined ? noContexts : await readContexts(path));
  for (const note of remote.notes) io.stderr.write(`note: ${note}\n`);
  return remote;
}

/** The token that the environment holds. */
export function environmentToken(env: CliIo["env"]): Said | undefined {
  return variable(env, "ZSS_TOKEN", "SPIDERWEB_AUTH_TOKEN");
}

/** Reads a token from a file of its own. */
export async function readToken(path: string, flag: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new ZssError("io", `Cannot read the token file "${path}": ${errorText(cause)}`, {
      hint: `check ${flag}`,
      cause,
    });
  }
  return oneToken(text, `the token file "${path}"`);
}

/** The token that a text consists of. @param source For the message. */
export function oneToken(text: string, source: string): string {
  const token = text.trim();
  if (token === "" || /\s/.test(token)) {
    throw usageError(`Cannot use ${source}: it must hold one token and nothing else`);
  }
  return token;
}

/** Reads a file of certificates in PEM form. */
export async function readCertificates(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new ZssError("io", `Cannot read the certificates "${path}": ${errorText(cause)}`, {
      hint: "put the file back, or add the context again with another --ca",
      cause,
    });
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw usageError(`Cannot use the certificates "${path}": no certificate in PEM form is in it`);
}

/** Connects, runs `work` and closes the connection whatever happens. */
export async function withConnection<T>(
  context: CliContext,
  work: (connection: ControlConnection, remote: RemoteAccess) => Promise<T>,
): Promise<T> {
  const { ControlConnection } = await import("../control/client/mod.ts");
  const remote = await remoteOf(context);
  const connection = await ControlConnection.open({ ...remote, clock: context.io.clock });
  try {
    return await work(connection, remote);
  } finally {
    connection.close();
  }
}

function flag(value: string | undefined, from: string): Said | undefined {
  return value === undefined ? undefined : { value, from };
}

/** The first of these variables that is not empty. */
function variable(env: CliIo["env"], ...names: readonly string[]): Said | undefined {
  for (const from of names) {
    const value = (env[from] ?? "").trim();
    if (value !== "") return { value, from };
  }
  return undefined;
}
