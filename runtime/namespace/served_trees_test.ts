import assert from "node:assert/strict";
import { ServedTrees } from "./served_trees.ts";
import { SyntheticTree } from "./synthetic_tree.ts";

function treeNamed(name: string): SyntheticTree {
  return new SyntheticTree(
    { name, read_only: false, description: name, source_kind: "namespace", source_id: `service:${name}` },
    { uid: 0, gid: 0 },
  );
}

Deno.test("ServedTrees puts the number of a tree above 48 bits of its own", () => {
  const trees = new ServedTrees();
  const [a, b] = [treeNamed("a"), treeNamed("b")];
  trees.replace([a, b]);
  assert.equal(trees.wireId(a, 44n), 281474976710700n);
  assert.equal(trees.wireId(b, (1n << 48n) - 1n), (2n << 48n) | 0xffff_ffff_ffffn);
  assert.deepEqual(trees.locate(281474976710700n), { tree: a, local: 44n });
  for (const id of [0n, 1n, 3n << 48n, (1n << 63n) - 1n]) {
    assert.throws(() => trees.locate(id), { errno: 2, message: "file not found" });
  }
});

Deno.test("ServedTrees keeps the number of a tree that stays, and gives that of one that left to none", () => {
  const trees = new ServedTrees();
  const [a, b, c] = [treeNamed("a"), treeNamed("b"), treeNamed("c")];
  trees.replace([a, b]);
  const changes = trees.replace([c, b]);
  assert.deepEqual(changes, { added: [c], removed: [{ tree: a, root: (1n << 48n) | 1n }] });
  assert.deepEqual(trees.all, [c, b]);
  assert.equal(trees.wireId(b, 0n) >> 48n, 2n);
  assert.equal(trees.wireId(c, 0n) >> 48n, 3n);
  trees.replace([a, b, c]);
  assert.equal(trees.wireId(a, 0n) >> 48n, 4n);
  assert.throws(() => trees.locate(1n << 48n), { errno: 2 });
});

Deno.test("ServedTrees begins again with the number that was out of use the longest after 32,767 trees", () => {
  const trees = new ServedTrees();
  const stays = treeNamed("stays");
  trees.replace([stays]);
  let last = treeNamed("changes");
  for (let i = 2; i <= 32_767; i++) trees.replace([stays, last = treeNamed("changes")]);
  assert.equal(trees.wireId(last, 0n) >> 48n, 32_767n);
  for (const expected of [2n, 3n]) {
    trees.replace([stays, last = treeNamed("changes")]);
    assert.equal(trees.wireId(last, 0n) >> 48n, expected);
  }
  assert.equal(trees.wireId(stays, 0n) >> 48n, 1n);
});

Deno.test("ServedTrees refuses two trees of one name and stays as it was", () => {
  const trees = new ServedTrees();
  const a = treeNamed("a");
  trees.replace([a]);
  assert.throws(() => trees.replace([a, treeNamed("b"), treeNamed("b")]), {
    code: "duplicate_export",
    message: 'Cannot serve two exports named "b"',
  });
  assert.deepEqual(trees.all, [a]);
});
