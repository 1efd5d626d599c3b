import assert from "node:assert/strict";
import { entryChanges, type PathEntry } from "./entry_changes.ts";

const entry = (path: string, more: Partial<PathEntry> = {}): PathEntry => ({
  ...{ path, id: 1, name: path, kind: "file", size: 1, mode: 0o100644, writable: false, mtime_ms: 5 },
  ...more,
});
const map = (...entries: PathEntry[]) => new Map(entries.map((one) => [one.path, one]));

Deno.test("entryChanges() tells what was added, removed and changed, in the order of paths", () => {
  const before = map(entry("/a"), entry("/b"), entry("/c"), entry("/d"));
  const now = map(entry("/e"), entry("/b", { size: 2 }), entry("/a"), entry("/d", { mtime_ms: 6 }));
  assert.deepEqual(entryChanges(before, now).map(({ sign, entry: { path } }) => sign + path), [
    "~/b",
    "-/c",
    "~/d",
    "+/e",
  ]);
  assert.deepEqual(entryChanges(now, now), []);
});
