/**
 * How an error looks on the terminal.
 *
 * @module
 */

import { errorText, ZssError } from "../control/protocol/errors.ts";
import type { Paint } from "./paint.ts";
import { cleanText } from "./render/table.ts";

/** An error of the command line itself. */
export function usageError(message: string, hint?: string): ZssError {
  return new ZssError("usage", message, { hint });
}

/** Whether a user was refused because the session is bound to no project. */
export function isWithoutProject({ code }: ZssError): boolean {
  return code === "provisioning_required" || code === "last_target_invalid";
}

/** One error for a person: what happened, and below it what to do. */
export function errorLines(error: unknown, paint: Paint): string {
  if (!(error instanceof ZssError)) {
    const stack = error instanceof Error && error.stack !== undefined ? error.stack : errorText(error);
    return `${paint.red("error:")} ${told(errorText(error))}\n  This is a fault of zss itself.\n${paint.dim(stack)}\n`;
  }
  const code = paint.dim(`[${error.code}]`);
  if (error.hint === undefined) return `${paint.red("error:")} ${told(error.message)} ${code}\n`;
  return `${paint.red("error:")} ${told(error.message)}\n  hint: ${told(error.hint)} ${code}\n`;
}

/** What a server or a node says is told as text, and drives no terminal. */
function told(text: string): string {
  return text.split("\n").map(cleanText).join("\n");
}

/** The same for a program. */
export function errorJson(error: unknown): string {
  const { code, hint, path, data } = error instanceof ZssError
    ? error
    : { code: "internal", hint: undefined, path: undefined, data: undefined };
  return JSON.stringify({ error: { code, message: errorText(error), hint, path, data } }) + "\n";
}
