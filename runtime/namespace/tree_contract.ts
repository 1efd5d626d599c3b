/**
 * The acceptance suite of the tree port. Every {@linkcode FileTree} passes it.
 *
 * A kind of tree brings one example and declares what is in it; the suite
 * looks at every path and at what must not be there.
 *
 * ```ts
 * import { treeContract } from "./tree_contract.ts";
 * import { SyntheticTree } from "./synthetic_tree.ts";
 *
 * treeContract("SyntheticTree", {
 *   open() {
 *     const description = {
 *       name: "notes",
 *       read_only: true,
 *       description: "notes",
 *       source_kind: "namespace" as const,
 *       source_id: "service:notes",
 *     };
 *     const tree = new SyntheticTree(description, { uid: 0, gid: 0 });
 *     tree.addFile(tree.rootDirectory, "README.md", new TextEncoder().encode("hello"));
 *     return Promise.resolve({ tree, close: () => Promise.resolve() });
 *   },
 *   entries: [{ path: "README.md", content: "hello" }],
 * });
 * ```
 *
 * @module
 */

import assert from "node:assert/strict";
import { Errno, type FileAttributes } from "../../control/protocol/mod.ts";
import { editingContract, refused } from "./tree_contract_editing.ts";
import type { FileTree, TreeChange } from "./tree.ts";

/** A directory or a file that the tree holds. */
export interface ExpectedEntry {
  /** From the root, with `/`. */
  readonly path: string;
  /** Text of a file; absent for a directory. */
  readonly content?: string;
  /** What a client may replace the content with and then reads back; absent for a file that cannot be written. */
  readonly writes?: string;
}

/** A tree to look at, and how to end it. */
export interface OpenedTree {
  readonly tree: FileTree;
  close(): Promise<void>;
}

/** One kind of tree. */
export interface TreeSubject {
  /** Makes a fresh tree for each test. */
  open(): Promise<OpenedTree>;
  /** Everything that is in it, directories too; at least one file. */
  readonly entries: readonly ExpectedEntry[];
  /** Names in the root that must be answered with `ENOENT`, or `EACCES` when the tree has a reason, and not be listed. */
  readonly absent?: readonly string[];
  /** Whether files can be made and removed; then also that part of the suite is registered. */
  readonly editable?: boolean;
}

/** Names that no tree holds and that have undone programs before. */
const HOSTILE_NAMES = [
  "no such file",
  "__proto__",
  "constructor",
  "toString",
  "%2e%2e",
  "%2F",
  "C:",
  "CON",
  "file::$DATA",
  "trailing.",
  "\u202e",
  "-rf",
  "x".repeat(255),
  "ü".repeat(127),
];

/** An id that no tree gives out. */
const UNKNOWN_ID = (1n << 48n) - 2n;

/** Registers the suite for one kind of tree. */
export function treeContract(name: string, subject: TreeSubject): void {
  const test = (title: string, run: (tree: FileTree, t: Deno.TestContext) => Promise<void>) =>
    Deno.test(`${name} keeps the tree contract: ${title}`, async (t) => {
      const { tree, close } = await subject.open();
      try {
        await run(tree, t);
      } finally {
        await close();
      }
    });
  const files = subject.entries.filter((entry) => entry.content !== undefined);
  const directories = subject.entries.filter((entry) => entry.content === undefined);
  const [anyFile] = files;
  assert(anyFile !== undefined, "the example of the suite needs a file");

  test("every path is found, with its kind, and its attributes can be asked for again", async (tree, t) => {
    for (const entry of subject.entries) {
      await t.step(entry.path, async () => {
        const found = await walk(tree, entry.path);
        assert.equal(found.k, entry.content === undefined ? 2 : 1);
        assert.equal(found.m & 0o170000, entry.content === undefined ? 0o040000 : 0o100000);
        assert.equal(found.n, entry.content === undefined ? 2 : 1);
        if (entry.content !== undefined) assert.equal(found.sz, bytesOf(entry.content).length);
        assert.deepEqual(await tree.attributes(found.id), found);
      });
    }
  });

  test("the root is a directory", async (tree) => {
    const root = await tree.attributes(tree.root);
    assert.equal(root.k, 2);
    assert.equal(root.id, tree.root);
  });

  test("ids have at most 48 bits, differ, and stay the same when asked for at once or again", async (tree) => {
    const paths = subject.entries.map((entry) => entry.path);
    const first = await Promise.all(paths.map(async (path) => (await walk(tree, path)).id));
    const again = await Promise.all(paths.map(async (path) => (await walk(tree, path)).id));
    assert.deepEqual(again, first);
    assert.equal(new Set([tree.root, ...first]).size, first.length + 1);
    for (const id of first) assert(id >= 0n && id < 1n << 48n, String(id));
  });

  test("a listing holds every child once, in code-unit order, and says of it what a lookup says", async (tree, t) => {
    for (const path of ["", ...directories.map((entry) => entry.path)]) {
      await t.step(path === "" ? "the root" : path, async () => {
        const directory = await walk(tree, path);
        const listed = await tree.list(directory.id);
        assert.deepEqual(listed.map((entry) => entry.name), childrenOf(subject.entries, path));
        for (const entry of listed) {
          assert.deepEqual(await tree.lookup(directory.id, entry.name), entry.attributes);
        }
      });
    }
  });

  test("the parent of a path is the directory that it is in, and the root's is the root", async (tree) => {
    assert.equal(tree.parent(tree.root), tree.root);
    for (const { path } of subject.entries) {
      const found = await walk(tree, path);
      const above = await walk(tree, path.split("/").slice(0, -1).join("/"));
      assert.equal(tree.parent(found.id), above.id, path);
    }
  });

  test("a file is read whole, in parts and past its end", async (tree, t) => {
    for (const { path, content } of files) {
      await t.step(path, async () => {
        const whole = bytesOf(content ?? "");
        const file = await tree.open((await walk(tree, path)).id, "read");
        try {
          assert.deepEqual([file.readable, file.writable], [true, false]);
          assert.deepEqual(await file.read(0, whole.length + 1), { bytes: whole, eof: true });
          for (let at = 0; at < Math.min(whole.length, 40); at++) {
            assert.deepEqual((await file.read(at, 3)).bytes, whole.slice(at, at + 3));
          }
          for (const past of [whole.length, whole.length + 1, 2 ** 40]) {
            assert.deepEqual(await file.read(past, 8), { bytes: new Uint8Array(), eof: true });
          }
          assert.equal((await file.read(0, 0)).bytes.length, 0);
          const parts = await Promise.all([2, 0, 1].map((at) => file.read(at, 1)));
          assert.deepEqual(parts.map((part) => part.bytes), [2, 0, 1].map((at) => whole.slice(at, at + 1)));
        } finally {
          await file.close();
        }
      });
    }
  });

  test("two handles of one file know nothing of each other", async (tree) => {
    const { id } = await walk(tree, anyFile.path);
    const [one, other] = await Promise.all([tree.open(id, "read"), tree.open(id, "read")]);
    await one.close();
    assert.deepEqual((await other.read(0, 1_000_000)).bytes, bytesOf(anyFile.content ?? ""));
    await other.close();
  });

  test("a handle that was opened to read refuses to write", async (tree) => {
    const file = await tree.open((await walk(tree, anyFile.path)).id, "read");
    await refused(file.write(0, new Uint8Array(1)), Errno.EBADF);
    await file.close();
  });

  test("what cannot be written refuses to be, and stays as it is", async (tree, t) => {
    for (const { path, content, writes } of files) {
      if (writes !== undefined) continue;
      await t.step(path, async () => {
        const { id } = await walk(tree, path);
        await refused(tree.open(id, "write"), Errno.EROFS);
        await refused(tree.open(id, "read_write"), Errno.EROFS);
        await refused(tree.truncate(id, 0), Errno.EROFS);
        assert.equal(await textOf(tree, id), content);
      });
    }
  });

  test("what can be written is read back, and listeners hear of it before the writer", async (tree, t) => {
    for (const { path, writes } of files) {
      if (writes === undefined) continue;
      await t.step(path, async () => {
        const { id } = await walk(tree, path);
        const heard: TreeChange[] = [];
        const stop = tree.onChange((change) => heard.push(change));
        await tree.truncate(id, 0);
        const file = await tree.open(id, "write");
        await refused(file.read(0, 1), Errno.EBADF);
        const bytes = bytesOf(writes);
        assert.equal((await file.write(0, bytes)).n, bytes.length);
        assert(heard.some((change) => "node" in change && change.node === id), "no listener heard of the write");
        await file.close();
        assert.equal(await textOf(tree, id), writes);
        stop();
        const before = heard.length;
        await tree.truncate(id, 0);
        assert.equal(heard.length, before, "a listener heard more after it had ended");
      });
    }
  });

  test("it says truly whether files can be made and removed", (tree) => {
    assert.equal(tree.editing !== undefined, subject.editable === true);
    if (subject.editable === true) assert.equal(tree.description.read_only, false);
    return Promise.resolve();
  });

  if (subject.editable === true) {
    editingContract((title, run) =>
      test(title, async (tree) => {
        const { editing } = tree;
        assert(editing !== undefined);
        await run({ tree, editing });
      })
    );
  }

  test("a directory is not opened and not truncated, a file is not listed", async (tree) => {
    for (const path of ["", ...directories.map((entry) => entry.path)]) {
      const { id } = await walk(tree, path);
      await refused(tree.open(id, "read"), Errno.EISDIR);
      await refused(tree.open(id, "write"), Errno.EISDIR, Errno.EROFS);
      await refused(tree.truncate(id, 0), Errno.EISDIR, Errno.EROFS);
    }
    const { id } = await walk(tree, anyFile.path);
    await refused(tree.list(id), Errno.ENOTDIR);
    await refused(tree.lookup(id, "child"), Errno.ENOTDIR);
  });

  test("an id that was never given out means nothing", async (tree) => {
    await refused(tree.attributes(UNKNOWN_ID), Errno.ENOENT);
    await refused(tree.lookup(UNKNOWN_ID, "a"), Errno.ENOENT);
    await refused(tree.list(UNKNOWN_ID), Errno.ENOENT);
    await refused(tree.open(UNKNOWN_ID, "read"), Errno.ENOENT);
    await refused(tree.truncate(UNKNOWN_ID, 0), Errno.ENOENT, Errno.EROFS);
    await refused(Promise.try(() => tree.parent(UNKNOWN_ID)), Errno.ENOENT);
  });

  test("names that are not there are not found, however odd", async (tree) => {
    for (const hostile of HOSTILE_NAMES) await refused(tree.lookup(tree.root, hostile), Errno.ENOENT);
  });

  test("what is kept out is neither found nor listed", async (tree) => {
    const listed = (await tree.list(tree.root)).map((entry) => entry.name);
    for (const absent of subject.absent ?? []) {
      await refused(tree.lookup(tree.root, absent), Errno.ENOENT, Errno.EACCES);
      assert(!listed.includes(absent), absent);
    }
  });

  test("its numbers are integers that fit together", async (tree) => {
    const numbers = await tree.numbers(tree.root);
    for (const [key, value] of Object.entries(numbers)) assert(Number.isInteger(value) && value >= 0, key);
    assert(numbers.bsize > 0 && numbers.frsize > 0 && numbers.namemax > 0);
    assert(numbers.bavail <= numbers.bfree && numbers.bfree <= numbers.blocks);
  });
}

async function walk(tree: FileTree, path: string): Promise<FileAttributes> {
  let found = await tree.attributes(tree.root);
  for (const name of path.split("/").filter((part) => part !== "")) found = await tree.lookup(found.id, name);
  return found;
}

function childrenOf(entries: readonly ExpectedEntry[], path: string): string[] {
  const prefix = path === "" ? "" : `${path}/`;
  return entries
    .filter((entry) => entry.path.startsWith(prefix))
    .map((entry) => entry.path.slice(prefix.length))
    .filter((rest) => rest !== "" && !rest.includes("/"))
    .sort();
}

async function textOf(tree: FileTree, id: bigint): Promise<string> {
  const file = await tree.open(id, "read");
  try {
    return new TextDecoder().decode((await file.read(0, 1_048_576)).bytes);
  } finally {
    await file.close();
  }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
