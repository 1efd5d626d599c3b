/**
 * What clients ask of a terminal: one command, or a session with a terminal.
 *
 * Source: docs/terminal.md.
 *
 * @module
 */

import { errorText, isObject, parseJson } from "../../control/protocol/mod.ts";
import { isReservedVariable } from "../../drivers/process/reserved_variables.ts";

/** Bytes of each output that a result holds when the request names no limit. */
export const DEFAULT_OUTPUT_BYTES = 131_072;

/** Most bytes of each output that a result holds. */
export const MAX_OUTPUT_BYTES = 1_048_576;

/** How long a command may run when the request says nothing, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 30_000;

/** Longest time that a request may ask for, in milliseconds. */
export const MAX_TIMEOUT_MS = 600_000;

/** Most columns and rows that a session may have. */
const MAX_SIDE = 1_000;

/** What to start. */
export interface TerminalCommand {
  /** The program and its arguments; undefined where only a session was asked for. */
  readonly argv: readonly string[] | undefined;
  /** As given; undefined for the folder of the node. */
  readonly cwd: string | undefined;
  /** Variables to set besides those that every program gets. */
  readonly env: Readonly<Record<string, string>>;
}

/** One command, run to its end. */
export interface ExecRequest extends TerminalCommand {
  readonly argv: readonly string[];
  /** In bytes, for each output. */
  readonly maxOutputBytes: number;
  /** In milliseconds. */
  readonly timeoutMs: number;
}

/** A program in a terminal. */
export interface OpenRequest extends TerminalCommand {
  readonly cols: number;
  readonly rows: number;
}

/** A request that is none; the message is a clause that says why. */
export class InvalidPayload extends Error {
  override readonly name = "InvalidPayload";
}

/** Makes the argument vector that has the shell of a system run a line. */
export type ShellWords = (command: string) => readonly string[];

type Members = Readonly<Record<string, unknown>>;

/** Reads what was written to `control/invoke.json`. @throws {InvalidPayload} */
export function readExecRequest(payload: Uint8Array, shell: ShellWords): ExecRequest {
  const root = readObject(payload);
  const args = root["arguments"] === undefined ? root : membersOf(root["arguments"], "arguments");
  const tool = root["tool_name"];
  if (typeof tool === "string" && tool !== "" && !["terminal_exec", "shell_exec", "exec"].includes(tool)) {
    throw new InvalidPayload(`tool_name must be terminal_exec, shell_exec or exec: it is ${JSON.stringify(tool)}`);
  }
  const operation = args["op"] ?? args["operation"] ?? root["op"] ?? root["operation"] ?? "exec";
  if (operation !== "exec") {
    throw new InvalidPayload(`operation must be exec: it is ${JSON.stringify(operation)}`);
  }
  const command = readCommand(args, shell);
  if (command.argv === undefined) throw new InvalidPayload("argv or command is wanted: neither is there");
  return {
    ...command,
    argv: command.argv,
    maxOutputBytes: outputLimit(args["max_output_bytes"]),
    timeoutMs: args["timeout_ms"] === undefined ? DEFAULT_TIMEOUT_MS : timeout(args["timeout_ms"]),
  };
}

/** Reads what was written to `pty/open.json`. @throws {InvalidPayload} */
export function readOpenRequest(payload: Uint8Array, shell: ShellWords): OpenRequest {
  const members = readObject(payload);
  return { ...readCommand(members, shell), ...readSize(members, { cols: 80, rows: 24 }) };
}

/** Reads a size. @throws {InvalidPayload} When a side is none, or absent without a fallback. */
export function readSize(
  members: Members,
  fallback?: { readonly cols: number; readonly rows: number },
): { readonly cols: number; readonly rows: number } {
  const side = (name: "cols" | "rows") => {
    const value = members[name] ?? fallback?.[name];
    if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_SIDE) return value;
    throw new InvalidPayload(`${name} must be an integer from 1 to ${MAX_SIDE}: it is ${JSON.stringify(value)}`);
  };
  return { cols: side("cols"), rows: side("rows") };
}

/** Reads a JSON object. @throws {InvalidPayload} */
export function readObject(document: Uint8Array): Members {
  let value: unknown;
  try {
    value = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(document));
  } catch (error) {
    throw new InvalidPayload(`a JSON object is wanted: ${errorText(error)}`);
  }
  return membersOf(value, "the payload");
}

function membersOf(value: unknown, what: string): Members {
  if (!isObject(value)) throw new InvalidPayload(`${what} must be a JSON object`);
  return value;
}

function readCommand(members: Members, shell: ShellWords): TerminalCommand {
  const { argv, command, cwd } = members;
  if (cwd !== undefined) text(cwd, "cwd");
  return {
    argv: argv !== undefined ? words(argv) : command !== undefined ? shell(text(command, "command")) : undefined,
    cwd: cwd === undefined ? undefined : text(cwd, "cwd"),
    env: members["env"] === undefined ? {} : variables(members["env"]),
  };
}

function words(value: unknown): string[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new InvalidPayload("argv must be a list of at least one text");
  }
  return value.map((word, index) => {
    // An argument may well be empty, a program not; the reference refuses both.
    if (typeof word === "string" && word !== "" && !word.includes("\0")) return word;
    throw new InvalidPayload(`argv[${index}] must be text, not empty and without a zero byte`);
  });
}

function text(value: unknown, name: string): string {
  if (typeof value === "string" && value !== "" && !value.includes("\0")) return value;
  throw new InvalidPayload(`${name} must be text, not empty and without a zero byte`);
}

function variables(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(membersOf(value, "env")).map(([name, content]) => {
      if (name === "" || /[=\0]/.test(name)) {
        throw new InvalidPayload(`env: ${JSON.stringify(name)} is not the name of a variable`);
      }
      if (isReservedVariable(name)) {
        throw new InvalidPayload(`env.${name} must not be set here: zss keeps this variable for itself`);
      }
      if (typeof content === "string" && !content.includes("\0")) return [name, content];
      throw new InvalidPayload(`env.${name} must be text without a zero byte`);
    }),
  );
}

/** The reference takes anything; what is no limit means the usual one. */
function outputLimit(value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value <= 0) return DEFAULT_OUTPUT_BYTES;
  return Math.min(value, MAX_OUTPUT_BYTES);
}

function timeout(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_TIMEOUT_MS) return value;
  throw new InvalidPayload(
    `timeout_ms must be an integer from 1 to ${MAX_TIMEOUT_MS}: it is ${JSON.stringify(value)}`,
  );
}
