/**
 * The part of the tree's acceptance suite that is about making, writing, moving
 * and removing, for trees that have {@linkcode FileTree.editing}.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Errno, FsError } from "../../control/protocol/mod.ts";
import type { FileTree, OpenFile, TreeChange, TreeEditing } from "./tree.ts";

/** A tree that can be edited, and what is heard of it. */
export interface Editable {
  readonly tree: FileTree;
  readonly editing: TreeEditing;
}

/** Registers one test. */
export type RegisterTest = (title: string, run: (subject: Editable) => Promise<void>) => void;

/** Names that are odd and yet names, for systems that take every name. */
const ODD_NAMES = [
  "%2e%2e",
  "...",
  " ",
  "-rf",
  "\u202e",
  "C:",
  "CON",
  "a\nb",
  "ü".repeat(127),
  "x".repeat(255),
  "$(x)",
];

/** Registers the suite. The tree has no file "new" in its root. */
export function editingContract(test: RegisterTest): void {
  test("a file is made once, written, read back and listed", async ({ tree, editing }) => {
    const { attributes, file } = await editing.create(tree.root, "new", 0o100640, "read_write");
    assert.deepEqual([attributes.k, attributes.sz, attributes.m & 0o777], [1, 0, 0o640]);
    assert.equal((await file.write(0, bytesOf("hello"))).n, 5);
    assert.deepEqual(await file.read(0, 16), { bytes: bytesOf("hello"), eof: true });
    await file.close();
    const found = await tree.lookup(tree.root, "new");
    assert.deepEqual([found.id, found.sz], [attributes.id, 5]);
    assert((await tree.list(tree.root)).some(({ name }) => name === "new"));
    await refused(editing.create(tree.root, "new", 0o100644, "write"), Errno.EEXIST);
    await refused(editing.makeDirectory(tree.root, "new"), Errno.EEXIST);
    await refused(editing.create(found.id, "x", 0o100644, "write"), Errno.ENOTDIR);
    assert.equal(await textOf(tree, found.id), "hello");
  });

  test("a file that was made to write is not read through that handle", async ({ tree, editing }) => {
    const { file } = await editing.create(tree.root, "new", 0o100644, "write");
    assert.deepEqual([file.readable, file.writable], [false, true]);
    await refused(file.read(0, 1), Errno.EBADF);
    await file.close();
  });

  test("a write at an offset leaves the rest, and a gap is filled with zeros", async ({ tree, editing }) => {
    const { attributes, file } = await editing.create(tree.root, "new", 0o100644, "read_write");
    await file.write(0, bytesOf("abcdef"));
    await file.write(2, bytesOf("XY"));
    await file.write(9, bytesOf("z"));
    await file.write(3, new Uint8Array());
    assert.equal(await textOf(tree, attributes.id), "abXYef\0\0\0z");
    await file.close();
  });

  test("writes and reads that overlap in time each keep their place", async ({ tree, editing }) => {
    const { attributes, file } = await editing.create(tree.root, "new", 0o100644, "read_write");
    const pieces = Array.from({ length: 64 }, (_, at) => String.fromCharCode(65 + at % 26).repeat(100));
    await Promise.all(pieces.map((piece, at) => file.write(at * 100, bytesOf(piece))));
    const read = await Promise.all(pieces.map((_, at) => file.read(at * 100, 100)));
    assert.deepEqual(read.map(({ bytes }) => new TextDecoder().decode(bytes)), pieces);
    assert.equal(await textOf(tree, attributes.id), pieces.join(""));
    await file.close();
  });

  test("truncate cuts and extends, and a handle sees it", async ({ tree, editing }) => {
    const { attributes, file } = await editing.create(tree.root, "new", 0o100644, "read_write");
    await file.write(0, bytesOf("abcdef"));
    await tree.truncate(attributes.id, 3);
    assert.equal(await contentOf(file), "abc");
    await tree.truncate(attributes.id, 5);
    assert.equal(await contentOf(file), "abc\0\0");
    assert.equal((await tree.attributes(attributes.id)).sz, 5);
    await file.close();
  });

  test("directories are made and removed when nothing is in them", async ({ tree, editing }) => {
    await editing.makeDirectory(tree.root, "new");
    const made = await tree.lookup(tree.root, "new");
    assert.equal(made.k, 2);
    assert.deepEqual(await tree.list(made.id), []);
    await (await editing.create(made.id, "inner", 0o100644, "write")).file.close();
    await refused(editing.removeDirectory(tree.root, "new"), Errno.ENOTEMPTY);
    await refused(editing.unlink(tree.root, "new"), Errno.EISDIR);
    await refused(editing.removeDirectory(made.id, "inner"), Errno.ENOTDIR);
    await editing.unlink(made.id, "inner");
    await refused(editing.unlink(made.id, "inner"), Errno.ENOENT);
    await editing.removeDirectory(tree.root, "new");
    await refused(tree.lookup(tree.root, "new"), Errno.ENOENT);
    await refused(tree.list(made.id), Errno.ENOENT);
    await refused(editing.makeDirectory(made.id, "x"), Errno.ENOENT);
    await refused(editing.removeDirectory(tree.root, "new"), Errno.ENOENT);
  });

  test("a handle stays good after its file was removed, and its id means nothing", async ({ tree, editing }) => {
    const { attributes, file } = await editing.create(tree.root, "new", 0o100644, "read_write");
    await file.write(0, bytesOf("kept"));
    await editing.unlink(tree.root, "new");
    assert.equal(await contentOf(file), "kept");
    await refused(tree.attributes(attributes.id), Errno.ENOENT);
    await refused(tree.open(attributes.id, "read"), Errno.ENOENT);
    await file.close();
  });

  test("a file that moves keeps its id and replaces what has the new name", async ({ tree, editing }) => {
    await editing.makeDirectory(tree.root, "new");
    const { id } = await tree.lookup(tree.root, "new");
    const one = await makeFile(tree, editing, id, "one", "1");
    const two = await makeFile(tree, editing, id, "two", "2");
    const handle = await tree.open(two, "read");
    await editing.rename(id, "one", id, "two");
    assert.equal((await tree.lookup(id, "two")).id, one);
    assert.equal(await textOf(tree, one), "1");
    assert.equal(await contentOf(handle), "2");
    await handle.close();
    await refused(tree.lookup(id, "one"), Errno.ENOENT);
    await refused(tree.attributes(two), Errno.ENOENT);
    await editing.rename(id, "two", id, "two");
    assert.equal(await textOf(tree, one), "1");
    await refused(editing.rename(id, "one", id, "three"), Errno.ENOENT);
    await editing.makeDirectory(id, "full");
    await refused(editing.rename(id, "two", id, "full"), Errno.EISDIR);
    await refused(editing.rename(id, "full", id, "two"), Errno.ENOTDIR);
  });

  test("a directory moves with all that is in it, but never into itself", async ({ tree, editing }) => {
    await editing.makeDirectory(tree.root, "new");
    await editing.makeDirectory(tree.root, "other");
    const source = (await tree.lookup(tree.root, "new")).id;
    const target = (await tree.lookup(tree.root, "other")).id;
    await editing.makeDirectory(source, "deep");
    const deep = (await tree.lookup(source, "deep")).id;
    const file = await makeFile(tree, editing, deep, "file", "content");
    await refused(editing.rename(tree.root, "new", deep, "loop"), Errno.EINVAL);
    await editing.rename(tree.root, "new", target, "moved");
    assert.equal((await tree.lookup(target, "moved")).id, source);
    assert.equal(await textOf(tree, file), "content");
    assert.equal((await tree.lookup(deep, "file")).id, file);
    assert.equal(tree.parent(source), target);
    await makeFile(tree, editing, deep, "later", "x");
    assert.deepEqual((await tree.list(deep)).map(({ name }) => name), ["file", "later"]);
    await editing.makeDirectory(tree.root, "full");
    await refused(editing.rename(tree.root, "full", target, "moved"), Errno.ENOTEMPTY);
  });

  test("listeners hear of each change before the writer, in the order of the protocol", async ({ tree, editing }) => {
    const heard: TreeChange[] = [];
    const stop = tree.onChange((change) => heard.push(change));
    // A watch that has just begun may say of a directory once more what the change itself has said.
    const news = () =>
      heard.splice(0)
        .map((change) => "directory" in change ? change.directory : change)
        .filter((change, at, all) => typeof change !== "bigint" || change !== all[at - 1]);
    const { attributes, file } = await editing.create(tree.root, "new", 0o100644, "write");
    const { id } = attributes;
    assert.partialDeepStrictEqual(news(), [tree.root, { node: id, what: "all" }]);
    await file.write(0, bytesOf("x"));
    assert.partialDeepStrictEqual(news(), [{ node: id, what: "data" }]);
    await file.close();
    await tree.truncate(id, 0);
    assert.partialDeepStrictEqual(news(), [{ node: id, what: "all" }]);
    await editing.makeDirectory(tree.root, "folder");
    assert.deepEqual(news(), [tree.root]);
    const folder = (await tree.lookup(tree.root, "folder")).id;
    await editing.rename(tree.root, "new", folder, "moved");
    assert.partialDeepStrictEqual(news(), [tree.root, folder, { node: id, what: "all" }]);
    await editing.rename(folder, "moved", folder, "again");
    assert.partialDeepStrictEqual(news(), [folder, { node: id, what: "all" }]);
    await editing.setAttributes(id, { mode: 0o600 });
    assert.partialDeepStrictEqual(news(), [{ node: id, what: "attr" }]);
    await editing.unlink(folder, "again");
    assert.deepEqual(news(), [folder]);
    await editing.removeDirectory(tree.root, "folder");
    assert.deepEqual(news(), [tree.root]);
    if (editing.symlink !== undefined) {
      await editing.symlink(tree.root, "link", "nowhere");
      assert.deepEqual(news(), [tree.root]);
    }
    stop();
    await makeFile(tree, editing, tree.root, "unheard", "");
    assert.deepEqual(heard, []);
  });

  test("mode and times are set, and what is not named stays", async ({ tree, editing }) => {
    const { attributes: { id }, file } = await editing.create(tree.root, "new", 0o100644, "write");
    await file.close();
    const first = await editing.setAttributes(id, { mode: 0o107750 });
    assert.equal(first.m & 0o7777, 0o750, "no more than permission bits are taken");
    const second = await editing.setAttributes(id, { mt: 1_000_000_000_500_000_000n });
    assert.deepEqual([second.mt, second.m & 0o777, second.at], [1_000_000_000_500_000_000n, 0o750, first.at]);
    const third = await editing.setAttributes(id, { at: 1_000_000_001_000_000_000n });
    assert.deepEqual([third.at, third.mt], [1_000_000_001_000_000_000n, second.mt]);
    assert.deepEqual(await tree.attributes(id), third);
  });

  test("a link is made, read and removed as a link", async ({ tree, editing }) => {
    if (editing.symlink === undefined || tree.readLink === undefined) return;
    const target = await makeFile(tree, editing, tree.root, "new", "behind it");
    await editing.symlink(tree.root, "link", "new");
    assert.equal(await tree.readLink(tree.root, "link"), "new");
    assert.equal((await tree.lookup(tree.root, "link")).id, target);
    await refused(tree.readLink(tree.root, "new"), Errno.EINVAL);
    await refused(tree.readLink(tree.root, "no such link"), Errno.ENOENT);
    await refused(editing.symlink(tree.root, "link", "x"), Errno.EEXIST);
    await refused(editing.create(tree.root, "link", 0o100644, "write"), Errno.EEXIST);
    await editing.rename(tree.root, "link", tree.root, "moved link");
    assert.equal(await tree.readLink(tree.root, "moved link"), "new");
    await editing.unlink(tree.root, "moved link");
    assert.equal(await textOf(tree, target), "behind it");
  });

  test("locks keep other handles out until they end", async ({ tree, editing }) => {
    if (tree.locks !== true) return;
    const id = await makeFile(tree, editing, tree.root, "new", "x");
    const files = await Promise.all([tree.open(id, "read"), tree.open(id, "read"), tree.open(id, "read_write")]);
    const [one, two, three] = files;
    await one.lock?.("shared", false);
    await two.lock?.("shared", false);
    await refused(three.lock?.("exclusive", false), Errno.EAGAIN);
    await two.lock?.("unlock", false);
    await one.close();
    await three.lock?.("exclusive", true);
    await refused(two.lock?.("shared", false), Errno.EAGAIN);
    const waiting = two.lock?.("shared", true);
    assert.equal(await textOf(tree, id), "x", "a lock holds up nothing else");
    await three.lock?.("unlock", false);
    await waiting;
    await refused(three.lock?.("exclusive", false), Errno.EAGAIN);
    const given = three.lock?.("exclusive", true);
    const ended = refused(given, Errno.EBADF);
    await three.close();
    await ended;
    await two.close();
  });

  test("extended attributes are kept as they were given", async ({ tree, editing }) => {
    const { xattrs } = tree;
    if (xattrs === undefined) return;
    const id = await makeFile(tree, editing, tree.root, "new", "x");
    await refused(xattrs.get(id, "user.none"), Errno.ENODATA);
    await refused(xattrs.remove(id, "user.none"), Errno.ENODATA);
    await refused(xattrs.set(id, "user.a", bytesOf("1"), 2), Errno.ENODATA);
    await xattrs.set(id, "user.a", new Uint8Array([0, 255]), 1);
    await refused(xattrs.set(id, "user.a", bytesOf("1"), 1), Errno.EEXIST);
    await xattrs.set(id, "user.b", new Uint8Array(), 0);
    assert.deepEqual(await xattrs.list(id), ["user.a", "user.b"]);
    assert.deepEqual(await xattrs.get(id, "user.a"), new Uint8Array([0, 255]));
    await xattrs.remove(id, "user.a");
    assert.deepEqual(await xattrs.list(id), ["user.b"]);
    await refused(xattrs.set(id, "trusted.a", new Uint8Array(), 0), Errno.EACCES);
  });

  test("a name that is odd is that name and no other", async ({ tree, editing }) => {
    await editing.makeDirectory(tree.root, "new");
    const { id } = await tree.lookup(tree.root, "new");
    const made: string[] = [];
    for (const name of ODD_NAMES) {
      try {
        await makeFile(tree, editing, id, name, name);
        made.push(name);
      } catch (error) {
        assert(error instanceof FsError && error.errno === Errno.EINVAL, `${name}: ${String(error)}`);
      }
    }
    assert.deepEqual((await tree.list(id)).map(({ name }) => name), made.sort());
    for (const name of made) assert.equal(await textOf(tree, (await tree.lookup(id, name)).id), name);
  });

  test("a hundred files made at once are a hundred files", async ({ tree, editing }) => {
    await editing.makeDirectory(tree.root, "new");
    const { id } = await tree.lookup(tree.root, "new");
    const names = Array.from({ length: 100 }, (_, at) => `f${at}`);
    const ids = await Promise.all(names.map((name) => makeFile(tree, editing, id, name, name)));
    assert.equal(new Set(ids).size, 100);
    const twins = await Promise.allSettled(names.map(() => makeFile(tree, editing, id, "one", "")));
    assert.equal(twins.filter(({ status }) => status === "fulfilled").length, 1);
    await Promise.all(names.map((name) => editing.unlink(id, name)));
    assert.deepEqual((await tree.list(id)).map(({ name }) => name), ["one"]);
  });
}

async function makeFile(
  tree: FileTree,
  editing: TreeEditing,
  parent: bigint,
  name: string,
  content: string,
): Promise<bigint> {
  const { attributes, file } = await editing.create(parent, name, 0o100644, "write");
  try {
    await file.write(0, bytesOf(content));
  } finally {
    await file.close();
  }
  assert.equal((await tree.attributes(attributes.id)).sz, bytesOf(content).length);
  return attributes.id;
}

async function contentOf(file: OpenFile): Promise<string> {
  return new TextDecoder().decode((await file.read(0, 65_536)).bytes);
}

async function textOf(tree: FileTree, id: bigint): Promise<string> {
  const file = await tree.open(id, "read");
  try {
    return await contentOf(file);
  } finally {
    await file.close();
  }
}

/** Expects a refusal with one of these numbers. */
export async function refused(action: Promise<unknown> | undefined, ...allowed: readonly Errno[]): Promise<void> {
  assert(action !== undefined);
  await assert.rejects(action, (error) => {
    assert(error instanceof FsError, `no FsError: ${String(error)}`);
    assert(allowed.includes(error.errno), `${error.errno} ${error.message}, wanted ${allowed.join(" or ")}`);
    return true;
  });
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
