import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "../../drivers/process/mod.ts";
import type { TreeChange } from "../namespace/tree.ts";
import { type FolderTree, openFolder } from "./folder.ts";
import { FolderWatch, type Hints } from "./watch.ts";

/** A folder whose changes are heard. */
class Listened implements AsyncDisposable {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "zss-watch-")));
  readonly tree: FolderTree = openFolder({ name: "work", path: this.root, mode: "rw" });
  readonly heard: TreeChange[] = [];
  readonly #stop = this.tree.onChange((change) => {
    this.heard.push(change);
    for (const look of [...this.#looking]) look();
  });
  readonly #looking = new Set<() => void>();

  /** Does something and waits until all that is wanted has been heard of it. */
  async after(action: () => void, ...wanted: readonly Partial<{ directory: bigint; node: bigint; what: string }>[]) {
    this.heard.length = 0;
    action();
    await new Promise<void>((resolve) => {
      const look = () => {
        const isHeard = wanted.every((want) =>
          this.heard.some((change) =>
            Object.entries(want).every(([name, value]) => Reflect.get(change, name) === value)
          )
        );
        if (!isHeard) return;
        this.#looking.delete(look);
        resolve();
      };
      this.#looking.add(look);
      look();
    });
  }

  path(...names: readonly string[]): string {
    return join(this.root, ...names);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    rmSync(this.root, { recursive: true, force: true });
    return Promise.resolve();
  }
}

Deno.test("FolderTree tells of what others than clients do, in directories that were looked into", async () => {
  await using folder = new Listened();
  const { tree } = folder;
  mkdirSync(folder.path("docs"));
  writeFileSync(folder.path("docs", "a"), "one");
  const docs = await tree.lookup(tree.root, "docs");
  const [entry] = await tree.list(docs.id);
  assert(entry !== undefined);
  const { id } = entry.attributes;
  assert.equal(tree.watches, true);
  // The first wait also covers the time until the system has begun to listen.
  await folder.after(() => writeFileSync(folder.path("docs", "b"), ""), { directory: docs.id });
  await folder.after(() => appendFileSync(folder.path("docs", "a"), "two"), { node: id, what: "all" });
  await folder.after(() => chmodSync(folder.path("docs", "a"), 0o600), { node: id, what: "all" });
  await folder.after(() => renameSync(folder.path("docs", "b"), folder.path("c")), { directory: docs.id }, {
    directory: tree.root,
  });
  await folder.after(() => rmSync(folder.path("docs", "a")), { directory: docs.id }, { node: id });
  await folder.after(() => rmdirSync(folder.path("docs")), { directory: tree.root });
  // A directory that comes again is another one, and is heard of once it was looked into.
  await folder.after(() => mkdirSync(folder.path("docs")), { directory: tree.root });
  const again = await tree.lookup(tree.root, "docs");
  await tree.list(again.id);
  await folder.after(() => writeFileSync(folder.path("docs", "d"), ""), { directory: again.id });
});

Deno.test("FolderTree does not tell twice of what a client did", async () => {
  await using folder = new Listened();
  const { tree } = folder;
  const { editing } = tree;
  assert(editing !== undefined);
  await tree.list(tree.root);
  await folder.after(() => writeFileSync(folder.path("first"), ""), { directory: tree.root });
  const { attributes, file } = await editing.create(tree.root, "own", 0o644, "write");
  await file.write(0, new TextEncoder().encode("x"));
  await file.close();
  await editing.makeDirectory(tree.root, "folder");
  await editing.rename(tree.root, "own", tree.root, "moved");
  await editing.unlink(tree.root, "moved");
  const own = folder.heard.length;
  assert(folder.heard.some((change) => "node" in change && change.node === attributes.id));
  // Events come in order: when this one is heard, those of our own doing have been.
  await folder.after(() => writeFileSync(folder.path("last"), ""), { directory: tree.root });
  assert.equal(folder.heard.filter((change) => !("directory" in change && change.directory === tree.root)).length, 0);
  assert(own >= 5);
});

Deno.test("FolderWatch gathers what it hears, and nothing after its end", () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "zss-watch-")));
  const clock = new ManualClock();
  const hints: Hints[] = [];
  let lost = 0;
  const watch = new FolderWatch({ clock, onHints: (one) => hints.push(one), onLost: () => lost++ });
  watch.add(join(root, "gone"));
  watch.add(root);
  clock.advance(0);
  clock.advance(50);
  assert.deepEqual(hints.map(({ files }) => [...files]), [[join(root, "gone"), root]]);
  assert.equal(lost, 0);
  watch.close();
  watch.add(root);
  clock.advance(1_000);
  assert.equal(hints.length, 1, "a watch that was closed says nothing more");
  rmSync(root, { recursive: true });
});

Deno.test("FolderTree tells once of what a client did in a directory that is only beginning to be watched", async () => {
  await using folder = new Listened();
  const { tree } = folder;
  assert(tree.editing !== undefined);
  await tree.attributes(tree.root);
  await tree.list(tree.root);
  await tree.editing.makeDirectory(tree.root, "own");
  assert.deepEqual(folder.heard, [{ directory: tree.root }]);
  folder.heard.length = 0;
  const { id } = await tree.lookup(tree.root, "own");
  await tree.list(id);
  // In the directory that is watched last: what there is to be heard of the other was heard before.
  await folder.after(() => writeFileSync(folder.path("own", "theirs"), ""), { directory: id });
  assert.deepEqual(folder.heard, [{ directory: id }]);
});
