/**
 * Reads the answers of a server for people: what is missing or of another kind
 * shows as nothing, since an older or newer server may answer otherwise.
 *
 * @module
 */

import { isObject } from "../control/protocol/envelope.ts";

type Members = Readonly<Record<string, unknown>>;

/** The objects of a list in an answer; none when there is no such list. */
export function listIn(answer: unknown, name: string): Members[] {
  const list = isObject(answer) ? answer[name] : undefined;
  return Array.isArray(list) ? list.filter(isObject) : [];
}

/** The object that a member of an answer is; an empty one when it is none. */
export function objectIn(answer: Members, name: string): Members {
  const member = answer[name];
  return isObject(member) ? member : {};
}

/** A time in milliseconds since the Unix epoch as text; `-` where there is none. */
export function timeText(milliseconds: unknown): string {
  return typeof milliseconds === "number" ? new Date(milliseconds).toISOString() : "-";
}
