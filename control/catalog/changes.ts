/**
 * What changed within one service, leaf by leaf.
 *
 * @module
 */

import { escapePointer } from "../protocol/json.ts";

/** One changed leaf. A side that has no such leaf has no such member. */
export interface FieldChange {
  /** JSON pointer within the service, for example `/mounts/0/state`. */
  readonly path: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

/**
 * Lists the leaves that differ, in the order of the pointers' segments. Objects
 * and arrays are gone into; an empty one is a leaf.
 */
export function changedLeaves(before: unknown, after: unknown): FieldChange[] {
  const found: FieldChange[] = [];
  collect(before, after, "", found);
  return found;
}

function collect(before: unknown, after: unknown, path: string, found: FieldChange[]): void {
  if (before === after) return;
  const [old, next] = [membersOf(before), membersOf(after)];
  if (old === undefined || next === undefined || Array.isArray(before) !== Array.isArray(after)) {
    // A leaf, or another kind of value: shown whole.
    found.push({
      path,
      ...(before === undefined ? {} : { from: before }),
      ...(after === undefined ? {} : { to: after }),
    });
    return;
  }
  for (const name of Object.keys(old)) {
    const member = Object.hasOwn(next, name) ? next[name] : undefined;
    if (old[name] !== member) collect(old[name], member, `${path}/${escapePointer(name)}`, found);
  }
  for (const name of Object.keys(next)) {
    if (!Object.hasOwn(old, name)) collect(undefined, next[name], `${path}/${escapePointer(name)}`, found);
  }
}

/** Object or array, both read by the names of their members. */
function membersOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null ? value as Readonly<Record<string, unknown>> : undefined;
}
