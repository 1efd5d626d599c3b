/**
 * The one error that crosses a boundary.
 *
 * A {@linkcode ZssError} is something a person or a peer can act on: bad input,
 * a refusal, a state that forbids the action. It has a code for programs, a
 * message that names the action, the thing, the state found and the state
 * wanted, and a hint with the next step. Misuse by our own code throws a
 * built-in error and crashes loudly.
 *
 * ```ts
 * import { ZssError } from "./errors.ts";
 *
 * throw new ZssError("node_not_found", 'Cannot read node "node-9": no such node', {
 *   hint: "zss node list shows the nodes",
 * });
 * ```
 *
 * Source: docs/protocol.md, "Errors".
 *
 * @module
 */

/** What an error carries besides its code and message. */
export interface ErrorDetails {
  /** The next step for a person, without a full stop. */
  readonly hint?: string | undefined;
  /** JSON pointer to the field at fault, for example `/services/0/kind`. */
  readonly path?: string | undefined;
  /** What a program needs to react, in wire form. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  /** What went wrong underneath. */
  readonly cause?: unknown;
}

/** An expected error. Secrets and tokens never appear in one. */
export class ZssError extends Error {
  override readonly name = "ZssError";
  readonly code: string;
  readonly hint: string | undefined;
  readonly path: string | undefined;
  readonly data: Readonly<Record<string, unknown>> | undefined;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.path = details.path;
    this.data = details.data;
  }
}

/** The text of anything that was thrown, for a message or a log line. */
export function errorText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
