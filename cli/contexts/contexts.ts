/**
 * The contexts of a user: servers under names, and what is needed to use them.
 *
 * This module knows the text of the file that keeps them and nothing of disks
 * (see `context_file.ts`) or of what a command then does (`resolve_remote.ts`).
 *
 * @module
 */

import { isObject } from "../../control/protocol/envelope.ts";
import { errorText, ZssError } from "../../control/protocol/errors.ts";
import { parseJson } from "../../control/protocol/json.ts";
import { usageError } from "../errors.ts";

/** A server and how to use it. */
export interface Context {
  readonly url: string;
  /** Bearer token. It belongs to this server and is sent to no other. */
  readonly token?: string;
  /** Absolute path of a file with the certificates that the server's is checked against. */
  readonly ca?: string;
  /** Project that commands are about. */
  readonly project?: string;
}

/** All contexts of a user. */
export interface Contexts {
  /** Name of the context that is used where nothing else names one; it is one of `byName`. */
  readonly current: string | undefined;
  /** In the order in which they were added. */
  readonly byName: ReadonlyMap<string, Context>;
}

/** Those of a user who has none. */
export const noContexts: Contexts = { current: undefined, byName: new Map() };

const SCHEMA = 1;
const members = ["url", "token", "ca", "project"] as const;

/** Whether a context may be called so. */
export function isContextName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name);
}

/**
 * The context of a name.
 *
 * @param said Who names it, for example `--context`.
 * @param action What was to be done with it.
 * @throws {ZssError} `usage`, with the names that there are.
 */
export function contextNamed(contexts: Contexts, name: string, said?: string, action = "use"): Context {
  const found = contexts.byName.get(name);
  if (found !== undefined) return found;
  const names = [...contexts.byName.keys()];
  throw usageError(
    `Cannot ${action} context "${name}"${said === undefined ? "" : ` of ${said}`}: there is no such context`,
    names.length === 0 ? "there are none yet; make one with zss context add" : `the contexts are ${names.join(", ")}`,
  );
}

/**
 * Reads the text of the file.
 *
 * @param path Only for the message.
 * @throws {ZssError} `state_damaged`, which never repeats the text: it holds tokens.
 */
export function parseContexts(text: string, path: string): Contexts {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    // Of its position, not of its words: those quote the text.
    throw damaged(path, `it is not valid JSON${placeOf(error)}`);
  }
  if (!isObject(value)) throw damaged(path, "an object is wanted at its top");
  if (value["schema"] !== SCHEMA) {
    throw damaged(path, `schema must be ${SCHEMA}; it may be of another version of zss`);
  }
  if (!isObject(value["contexts"])) throw damaged(path, 'the member "contexts" must be an object');
  const byName = new Map<string, Context>();
  for (const [name, entry] of Object.entries(value["contexts"])) {
    if (!isContextName(name)) throw damaged(path, "the name of a context has characters that it must not have");
    byName.set(name, contextOf(entry, name, path));
  }
  const current = value["current"] ?? undefined;
  if (current === undefined) return { current, byName };
  if (typeof current === "string" && byName.has(current)) return { current, byName };
  throw damaged(path, 'the member "current" must name one of its contexts');
}

/** The text that {@linkcode parseContexts} reads. */
export function formatContexts(contexts: Contexts): string {
  const value = {
    schema: SCHEMA,
    current: contexts.current ?? null,
    contexts: Object.fromEntries(contexts.byName),
  };
  return JSON.stringify(value, null, 2) + "\n";
}

function contextOf(entry: unknown, name: string, path: string): Context {
  if (!isObject(entry)) throw damaged(path, `context "${name}" must be an object`);
  const context: { -readonly [K in keyof Context]?: Context[K] } = {};
  for (const member of members) {
    const value = entry[member];
    if (value === undefined) continue;
    if (typeof value !== "string" || value === "") {
      throw damaged(path, `${member} of context "${name}" must be text that is not empty`);
    }
    context[member] = value;
  }
  if (context.url === undefined) throw damaged(path, `context "${name}" has no url`);
  return { ...context, url: context.url };
}

function damaged(path: string, problem: string): ZssError {
  return new ZssError("state_damaged", `Cannot read the contexts "${path}": ${problem}`, {
    hint: "mend the file, or remove it and add the contexts again with zss context add",
  });
}

function placeOf(error: unknown): string {
  const [, line, column] = /line (\d+) column (\d+)/.exec(errorText(error)) ?? [];
  return line === undefined ? "" : ` (line ${line}, column ${column})`;
}
