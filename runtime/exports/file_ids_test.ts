import assert from "node:assert/strict";
import { FileIds, type KnownFile } from "./file_ids.ts";

const on = (ino: bigint, dev = 1n) => ({ dev, ino });

function learn(ids: FileIds, parent: KnownFile, name: string, ino: bigint, dev?: bigint): KnownFile {
  const file = ids.learn(parent, name, on(ino, dev));
  assert(file !== undefined, name);
  return file;
}

Deno.test("FileIds gives a file its inode number as id, and keeps it", () => {
  const ids = new FileIds(on(2n));
  assert.equal(ids.root.id, 2n);
  assert.equal(learn(ids, ids.root, "a", 40n).id, 40n);
  assert.equal(learn(ids, ids.root, "a", 40n), ids.find(40n));
  assert.equal(ids.find(41n), undefined);
  assert.equal(ids.size, 2);
});

Deno.test("FileIds gives files of two devices with one inode number two ids", () => {
  const ids = new FileIds(on(2n));
  const one = learn(ids, ids.root, "a", 40n, 1n);
  const other = learn(ids, ids.root, "b", 40n, 2n);
  const third = learn(ids, ids.root, "c", 41n, 1n);
  assert.equal(new Set([one.id, other.id, third.id]).size, 3);
  assert.equal(learn(ids, ids.root, "b", 40n, 2n), other);
});

Deno.test("FileIds keeps ids within 48 bits when inode numbers are wider", () => {
  const ids = new FileIds(on(1n << 48n));
  const wide = learn(ids, ids.root, "a", (1n << 60n) | 5n);
  assert(ids.root.id > 0n && ids.root.id < 1n << 48n);
  assert.equal(wide.id, 5n);
  assert.notEqual(learn(ids, ids.root, "b", (1n << 59n) | 5n).id, wide.id);
});

Deno.test("FileIds knows files by their place where the file system has no inode numbers", () => {
  const ids = new FileIds(on(0n));
  const one = learn(ids, ids.root, "a", 0n);
  const other = learn(ids, ids.root, "b", 0n);
  assert.notEqual(one.id, other.id);
  assert.equal(learn(ids, ids.root, "a", 0n), one);
});

Deno.test("FileIds moves everything below a directory that turns up under another name", () => {
  const ids = new FileIds(on(2n));
  const directory = learn(ids, ids.root, "old", 10n);
  const file = learn(ids, directory, "a", 11n);
  assert.equal(learn(ids, ids.root, "new", 10n), directory);
  ids.keepOnly(ids.root, new Set(["new"]));
  assert.equal(ids.find(11n), file);
  assert.deepEqual(ids.steps(file), ["new", "a"]);
});

Deno.test("FileIds keeps two files that changed names with each other", () => {
  const ids = new FileIds(on(2n));
  const [one, other] = [learn(ids, ids.root, "a", 10n), learn(ids, ids.root, "b", 11n)];
  const inner = learn(ids, one, "inner", 12n);
  assert.equal(learn(ids, ids.root, "a", 11n), other);
  assert.equal(learn(ids, ids.root, "b", 10n), one);
  ids.keepOnly(ids.root, new Set(["a", "b"]));
  assert.deepEqual([ids.steps(one), ids.steps(other), ids.steps(inner)], [["b"], ["a"], ["b", "inner"]]);
  assert.equal(ids.size, 4);
});

Deno.test("FileIds forgets what is gone, with all below it", () => {
  const ids = new FileIds(on(2n));
  const directory = learn(ids, ids.root, "d", 10n);
  learn(ids, directory, "a", 11n);
  learn(ids, ids.root, "replaced", 12n);
  learn(ids, ids.root, "replaced", 13n);
  ids.keepOnly(ids.root, new Set(["replaced"]));
  assert.equal(ids.size, 2);
  assert.equal(ids.find(11n), undefined);
  assert.equal(ids.find(12n), undefined);
  assert.equal(ids.learn(directory, "a", on(11n)), undefined);
});

Deno.test("FileIds refuses a directory that holds itself", () => {
  const ids = new FileIds(on(2n));
  const directory = learn(ids, ids.root, "d", 10n);
  assert.equal(ids.learn(directory, "again", on(10n)), undefined);
  assert.equal(ids.learn(directory, "root", on(2n)), undefined);
  assert.deepEqual(ids.steps(directory), ["d"]);
});
