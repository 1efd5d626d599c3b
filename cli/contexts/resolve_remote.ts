/**
 * Which server a command talks to, and as whom.
 *
 * Address and token are looked for one by one, first found first taken: flags,
 * the environment, a context, the default address. The one rule that stands
 * above this order: what a context holds is for the server of that context. When
 * the address comes from elsewhere and is that of another server, nothing of the
 * context is used. This module is pure; `remote.ts` brings flags and files.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { resolveRemote } from "./resolve_remote.ts";
 *
 * const contexts = { current: "lab", byName: new Map([["lab", { url: "ws://lab:18790", token: "t" }]]) };
 * assert.equal(resolveRemote({}, contexts).token, "t");
 * assert.equal(resolveRemote({ url: { value: "ws://other", from: "--url" } }, contexts).token, undefined);
 * ```
 *
 * @module
 */

import { contextNamed, type Contexts } from "./contexts.ts";

/** Where a command looks when nothing names a server. */
export const DEFAULT_URL = "ws://127.0.0.1:18790";

/** A value and the flag or variable that gave it. */
export interface Said {
  readonly value: string;
  readonly from: string;
}

/** What flags and environment say; of two that say the same thing, the flag. */
export interface Wishes {
  readonly url?: Said | undefined;
  readonly token?: Said | undefined;
  /** Name of a context. */
  readonly context?: Said | undefined;
}

/** Where to connect, and where that was found. */
export interface Remote {
  readonly url: string;
  /** A flag, a variable, `context` or `default`. */
  readonly urlFrom: string;
  readonly token: string | undefined;
  /** A flag, a variable or `context`; undefined without a token. */
  readonly tokenFrom: string | undefined;
  /** The context whose server this is; undefined when none is used. */
  readonly context: string | undefined;
  /** File with the certificates that the server's is checked against. */
  readonly ca: string | undefined;
  readonly project: string | undefined;
  /** What the user should know, because it is not what they may have meant. */
  readonly notes: readonly string[];
}

/**
 * Whether a context can matter at all. Where it cannot, its file need not even
 * be in order: address and token are given, and no context is named.
 */
export function asksContexts(wishes: Wishes): boolean {
  return wishes.context !== undefined || wishes.url === undefined || wishes.token === undefined;
}

/** Decides. @throws {ZssError} `usage` when a context is named that does not exist. */
export function resolveRemote(wishes: Wishes, contexts: Contexts): Remote {
  const { url, token } = wishes;
  const name = asksContexts(wishes) ? wishes.context?.value ?? contexts.current : undefined;
  const context = name === undefined ? undefined : contextNamed(contexts, name, wishes.context?.from);
  const isUsed = context !== undefined && (url === undefined || isSameServer(url.value, context.url));
  const used = isUsed ? context : undefined;
  const notes: string[] = [];
  // Who has only a current context has not asked for it now, and need not hear of it.
  if (wishes.context !== undefined && !isUsed && url !== undefined) {
    notes.push(`context "${name}" is not used: ${url.from} names another server`);
  }
  if (wishes.context !== undefined && used?.token !== undefined && token !== undefined) {
    notes.push(`the token of context "${name}" is not used: ${token.from} goes before it`);
  }
  return {
    url: url?.value ?? used?.url ?? DEFAULT_URL,
    urlFrom: url?.from ?? (used === undefined ? "default" : "context"),
    token: token?.value ?? used?.token,
    tokenFrom: token?.from ?? (used?.token === undefined ? undefined : "context"),
    context: used === undefined ? undefined : name,
    ca: used?.ca,
    project: used?.project,
    notes,
  };
}

/**
 * Whether two addresses are those of one server: scheme, host and port are the
 * same. `ws` and `wss` differ on purpose: a token that went encrypted must not
 * go in the clear because of a typing error. Two names of one host differ too.
 */
export function isSameServer(one: string, other: string): boolean {
  const [a, b] = [originOf(one), originOf(other)];
  return a !== undefined && a === b;
}

function originOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  // `origin` of a WebSocket address is not the same in every runtime; `host` leaves a default port out.
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
