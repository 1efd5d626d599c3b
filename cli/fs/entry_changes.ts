/**
 * What has changed between two looks at a directory.
 *
 * @module
 */

import type { TreeEntry } from "../../control/client/mod.ts";

/** An entry with its path. */
export type PathEntry = TreeEntry & { readonly path: string };

/** One change: added, removed, or another content, size, time or kind. */
export interface EntryChange {
  readonly sign: "+" | "-" | "~";
  readonly entry: PathEntry;
}

/** The changes in the order of their paths. */
export function entryChanges(
  before: ReadonlyMap<string, PathEntry>,
  now: ReadonlyMap<string, PathEntry>,
): EntryChange[] {
  const changes: EntryChange[] = [];
  for (const [path, entry] of now) {
    const earlier = before.get(path);
    if (earlier === undefined) changes.push({ sign: "+", entry });
    else if (markOf(earlier) !== markOf(entry)) changes.push({ sign: "~", entry });
  }
  for (const [path, entry] of before) if (!now.has(path)) changes.push({ sign: "-", entry });
  return changes.sort((one, other) => one.entry.path < other.entry.path ? -1 : 1);
}

function markOf({ id, kind, size, mtime_ms, mode }: PathEntry): string {
  return [id, kind, size, mtime_ms, mode].join();
}
