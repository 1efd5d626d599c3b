/**
 * What changed within one service, leaf by leaf.
 *
 * @module
 */

import { isObject } from "../protocol/envelope.ts";
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
  for (const name of new Set([...Object.keys(old), ...Object.keys(next)])) {
    collect(old[name], next[name], `${path}/${escapePointer(name)}`, found);
  }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (Array.isArray(value)) return Object.fromEntries(value.entries());
  return isObject(value) ? value : undefined;
}
