import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { currentOs } from "../../drivers/process/mod.ts";
import { Errno, FsError, parseJson, stringifyJson, ZssError } from "../../control/protocol/mod.ts";
import { FileServer } from "../namespace/file_server.ts";
import { type ExpectedEntry, treeContract, type TreeSubject } from "../namespace/tree_contract.ts";
import { Confinement } from "./confine.ts";
import { FolderTree, openFolder } from "./folder.ts";

const noLinks = currentOs.name === "windows";

type Holds = "best" | "libc" | "nothing";

/** What is tried with each of them, and how it is called. */
const HOLDS: readonly (readonly [Holds, string])[] = [
  ["best", ""],
  ["libc", ", held by the C library"],
  ["nothing", ", without descriptors"],
];

/** A place with a folder `root` to export and a folder `outside` that holds a secret. */
class Place {
  readonly base = realpathSync(mkdtempSync(join(tmpdir(), "zss-folder-")));
  readonly root = join(this.base, "root");
  readonly outside = join(this.base, "outside");

  constructor() {
    mkdirSync(this.root);
    mkdirSync(this.outside);
    writeFileSync(join(this.outside, "secret"), "secret");
  }

  /** @param holds How files are held; `nothing` is how other systems than Linux do it. */
  open(holds: Holds = "best", mode: "ro" | "rw" = "ro"): FolderTree {
    const spec = { name: "work", path: this.root, mode };
    if (holds === "best") return openFolder(spec);
    return new FolderTree(spec, new Confinement(this.root, holds), statSync(this.root, { bigint: true }));
  }

  file(path: string, content = path): void {
    writeFileSync(join(this.root, path), content);
  }

  directory(path: string): void {
    mkdirSync(join(this.root, path));
  }

  [Symbol.dispose](): void {
    rmSync(this.base, { recursive: true });
  }
}

async function refused(action: Promise<unknown>, ...allowed: readonly Errno[]): Promise<void> {
  await assert.rejects(action, (error) => {
    assert(error instanceof FsError && allowed.includes(error.errno), String(error));
    return true;
  });
}

async function contentOf(tree: FolderTree, node: bigint): Promise<string> {
  const file = await tree.open(node, "read");
  try {
    return new TextDecoder().decode((await file.read(0, 1_000)).bytes);
  } finally {
    await file.close();
  }
}

const namesIn = async (tree: FolderTree, node: bigint) => (await tree.list(node)).map((entry) => entry.name);

const ENTRIES: readonly ExpectedEntry[] = [
  { path: "Z", content: "Z" },
  { path: "a.txt", content: "a.txt" },
  { path: "docs" },
  { path: "docs/ spaced ", content: "docs/ spaced " },
  { path: "docs/deep" },
  { path: "docs/deep/b", content: "docs/deep/b" },
  { path: "empty" },
  { path: "nothing", content: "" },
  { path: "ü", content: "ü" },
];

const example = (holds: Holds, mode: "ro" | "rw"): TreeSubject => ({
  editable: mode === "rw",
  open() {
    const place = new Place();
    for (const path of ["docs", "docs/deep", "empty", ".spiderweb-sandbox"]) place.directory(path);
    for (const path of ["a.txt", "Z", "ü", "docs/deep/b", "docs/ spaced ", ".spiderweb-sandbox/x"]) place.file(path);
    place.file("nothing", "");
    if (!noLinks) {
      symlinkSync(join(place.outside, "secret"), join(place.root, "escaping"));
      symlinkSync("..", join(place.root, "up"));
      symlinkSync("nowhere", join(place.root, "dangling"));
      symlinkSync("loop", join(place.root, "loop"));
      symlinkSync(".spiderweb-sandbox/x", join(place.root, "to-hidden"));
    }
    return Promise.resolve({ tree: place.open(holds, mode), close: () => Promise.resolve(place[Symbol.dispose]()) });
  },
  entries: ENTRIES.map((entry) => mode === "rw" && "content" in entry ? { ...entry, writes: "written" } : entry),
  absent: [".spiderweb-sandbox", "escaping", "up", "dangling", "loop", "to-hidden"],
});

for (const [holds, how] of HOLDS) {
  treeContract(`FolderTree to read${how}`, example(holds, "ro"));
  treeContract(`FolderTree to write${how}`, example(holds, "rw"));
}

/** Registers a test of what must hold whether descriptors can be held or not. */
function testWithLinks(
  name: string,
  run: (place: Place, open: (mode?: "ro" | "rw") => FolderTree) => Promise<void>,
): void {
  for (const [holds, how] of HOLDS) {
    Deno.test({
      name: name + how,
      ignore: noLinks,
      async fn() {
        using place = new Place();
        await run(place, (mode) => place.open(holds, mode));
      },
    });
  }
}

Deno.test("openFolder() refuses what is no folder and names the export", () => {
  using place = new Place();
  place.file("a");
  for (const path of [join(place.root, "a"), join(place.root, "missing")]) {
    assert.throws(
      () => openFolder({ name: "work", path, mode: undefined }),
      (error) => {
        assert(error instanceof ZssError && error.code === "invalid_export");
        return error.message.startsWith('Cannot export "work": ');
      },
    );
  }
});

Deno.test({
  name: "Confinement.hold() stays with the file that it holds, whatever happens to the path meanwhile",
  // Only where the kernel shows descriptors.
  ignore: currentOs.name !== "linux",
  async fn() {
    using place = new Place();
    place.directory("d");
    place.file("d/secret", "mine");
    const boundary = new Confinement(place.root);
    const read = await boundary.hold(join(place.root, "d", "secret"), () => {}, async (held) => {
      renameSync(join(place.root, "d"), join(place.root, "moved"));
      symlinkSync(place.outside, join(place.root, "d"));
      const handle = await boundary.openHeld(held);
      await handle.close();
      return readFileSync(held.at, "utf8");
    });
    assert.equal(read, "mine");
  },
});

Deno.test("Confinement.hold() checks again after the use where it cannot hold descriptors", async () => {
  using place = new Place();
  place.directory("d");
  place.file("d/secret", "mine");
  const boundary = new Confinement(place.root, "nothing");
  const use = () => {
    renameSync(join(place.root, "d"), join(place.root, "moved"));
    return Promise.resolve("taken");
  };
  await assert.rejects(boundary.hold(join(place.root, "d", "secret"), () => {}, use), { code: "ENOENT" });
});

Deno.test("FolderTree says when a file changed, by its generation and its times", async () => {
  using place = new Place();
  place.file("a");
  utimesSync(join(place.root, "a"), 1_000_000_000, 1_000_000_001);
  const tree = place.open();
  const before = await tree.lookup(tree.root, "a");
  assert.deepEqual([before.at, before.mt, before.gen], [
    1_000_000_000_000_000_000n,
    1_000_000_001_000_000_000n,
    1_000_000_001_000_000_000n,
  ]);
  place.file("a", "longer");
  const after = await tree.attributes(before.id);
  assert(after.gen > before.gen && after.sz === 6 && after.id === before.id);
});

testWithLinks(
  "FolderTree shows a link inside the root as the file that it points to, under the id of that file",
  async (place, open) => {
    for (const path of ["docs", "docs/deep"]) place.directory(path);
    place.file("docs/deep/b");
    symlinkSync("docs/deep/b", join(place.root, "link"));
    symlinkSync(join(place.root, "docs"), join(place.root, "folder-link"));
    const tree = open();
    const link = await tree.lookup(tree.root, "link");
    const docs = await tree.lookup(tree.root, "docs");
    const deep = await tree.lookup(docs.id, "deep");
    assert.equal((await tree.lookup(deep.id, "b")).id, link.id);
    assert.equal(link.k, 1);
    assert.equal(tree.parent(link.id), deep.id);
    assert.equal(await contentOf(tree, link.id), "docs/deep/b");
    assert.equal((await tree.lookup(tree.root, "folder-link")).id, docs.id);
    assert.deepEqual(await namesIn(tree, tree.root), ["docs", "folder-link", "link"]);
    assert.deepEqual([link.link, docs.link, (await tree.lookup(tree.root, "folder-link")).link], [
      true,
      undefined,
      true,
    ]);
    const listed = (await tree.list(tree.root)).map(({ attributes }) => attributes.link);
    assert.deepEqual(listed, [undefined, true, true]);
  },
);

testWithLinks(
  "FolderTree refuses a link that leaves the root with EACCES, and a dangling one with ENOENT",
  async (place, open) => {
    symlinkSync(place.outside, join(place.root, "out"));
    symlinkSync("../root/../outside/secret", join(place.root, "secret"));
    symlinkSync("/etc/passwd", join(place.root, "passwd"));
    symlinkSync("nowhere", join(place.root, "dangling"));
    const tree = open();
    for (const name of ["out", "secret", "passwd"]) await refused(tree.lookup(tree.root, name), Errno.EACCES);
    await refused(tree.lookup(tree.root, "dangling"), Errno.ENOENT);
    assert.deepEqual(await namesIn(tree, tree.root), []);
    // Whoever asks learns that they are there, and nothing of what they lead to.
    const links = (await tree.list(tree.root, true)).map(({ name, attributes: { id, k, sz, link } }) => [
      ...[name, id, k, sz, link],
    ]);
    assert.deepEqual(links, ["dangling", "out", "passwd", "secret"].map((name) => [name, 0n, 3, 0, true]));
    const { editing, root } = open("rw");
    for (const name of ["out", "passwd", "dangling"]) await editing?.unlink(root, name);
    await editing?.rename(root, "secret", root, "renamed");
    assert.deepEqual(readdirSync(place.root), ["renamed"]);
    assert.equal(readFileSync(join(place.outside, "secret"), "utf8"), "secret");
  },
);

testWithLinks(
  "FolderTree refuses every use of a directory that was replaced by a link out of the root",
  async (place, open) => {
    place.directory("d");
    place.file("d/secret", "mine");
    const tree = open();
    const directory = await tree.lookup(tree.root, "d");
    const file = await tree.lookup(directory.id, "secret");
    renameSync(join(place.root, "d"), join(place.root, "moved"));
    symlinkSync(place.outside, join(place.root, "d"));
    await refused(tree.list(directory.id), Errno.EACCES);
    await refused(tree.lookup(directory.id, "secret"), Errno.EACCES);
    await refused(tree.attributes(directory.id), Errno.EACCES);
    await refused(tree.open(file.id, "read"), Errno.EACCES);
    await refused(tree.attributes(file.id), Errno.EACCES);
    // The directory itself still exists, and is found where it is now.
    assert.deepEqual(await namesIn(tree, tree.root), ["moved"]);
    assert.equal(await contentOf(tree, file.id), "mine");
  },
);

testWithLinks("FolderTree refuses a file that was replaced by a link out of the root", async (place, open) => {
  place.file("a");
  const tree = open();
  const { id } = await tree.lookup(tree.root, "a");
  rmSync(join(place.root, "a"));
  symlinkSync(join(place.outside, "secret"), join(place.root, "a"));
  await refused(tree.open(id, "read"), Errno.EACCES);
  await refused(tree.attributes(id), Errno.EACCES);
});

Deno.test("FolderTree never serves another file under the id of one that was replaced", async () => {
  using place = new Place();
  place.file("a", "old");
  place.file("b", "new");
  const tree = place.open();
  const old = await tree.lookup(tree.root, "a");
  renameSync(join(place.root, "b"), join(place.root, "a"));
  await refused(tree.open(old.id, "read"), Errno.ENOENT);
  const fresh = await tree.lookup(tree.root, "a");
  assert.notEqual(fresh.id, old.id);
  assert.equal(await contentOf(tree, fresh.id), "new");
});

Deno.test("FolderTree follows files and directories that moved, once it has seen where to", async () => {
  using place = new Place();
  for (const path of ["one", "one/inner", "two"]) place.directory(path);
  place.file("one/inner/a");
  const tree = place.open();
  const one = await tree.lookup(tree.root, "one");
  const inner = await tree.lookup(one.id, "inner");
  const file = await tree.lookup(inner.id, "a");
  renameSync(join(place.root, "one"), join(place.root, "two", "moved"));
  await refused(tree.attributes(file.id), Errno.ENOENT);
  const two = await tree.lookup(tree.root, "two");
  assert.equal((await tree.lookup(two.id, "moved")).id, one.id);
  assert.equal(await contentOf(tree, file.id), "one/inner/a");
  assert.equal(tree.parent(one.id), two.id);
});

testWithLinks("FolderTree gives two hard links of one file the same id", async (place, open) => {
  place.file("a");
  linkSync(join(place.root, "a"), join(place.root, "b"));
  const tree = open();
  const entries = await tree.list(tree.root);
  assert.deepEqual(entries.map((entry) => entry.name), ["a", "b"]);
  assert.equal(entries[0]?.attributes.id, entries[1]?.attributes.id);
  assert.equal(await contentOf(tree, entries[0]?.attributes.id ?? 0n), "a");
});

testWithLinks("FolderTree lists a pipe but neither opens it nor waits for it", async (place, open) => {
  execFileSync("mkfifo", [join(place.root, "pipe")]);
  const tree = open();
  const pipe = await tree.lookup(tree.root, "pipe");
  assert.equal(pipe.k, 1);
  await refused(tree.open(pipe.id, "read"), Errno.EACCES);
});

Deno.test("FolderTree keeps a handle readable after its file was removed", async () => {
  using place = new Place();
  place.file("a", "still here");
  const tree = place.open();
  const { id } = await tree.lookup(tree.root, "a");
  const file = await tree.open(id, "read");
  rmSync(join(place.root, "a"));
  assert.equal(new TextDecoder().decode((await file.read(6, 4)).bytes), "here");
  await file.close();
  await refused(tree.open(id, "read"), Errno.ENOENT);
});

Deno.test("FolderTree answers many requests at once, in a directory that changes meanwhile", async () => {
  using place = new Place();
  for (let i = 0; i < 200; i++) place.file(`f${i}`);
  const tree = place.open();
  const listings = Promise.all(Array.from({ length: 8 }, () => tree.list(tree.root)));
  for (let i = 0; i < 200; i += 2) rmSync(join(place.root, `f${i}`));
  for (const listing of await listings) {
    const names = listing.map((entry) => entry.name);
    assert.equal(new Set(names).size, names.length);
    for (let i = 1; i < 200; i += 2) assert(names.includes(`f${i}`), `f${i}`);
  }
  assert.equal((await tree.list(tree.root)).length, 100);
});

Deno.test("FolderTree says ENOENT for everything once the folder itself is gone", async () => {
  using place = new Place();
  place.file("a");
  const tree = place.open();
  const { id } = await tree.lookup(tree.root, "a");
  renameSync(place.root, join(place.base, "elsewhere"));
  await refused(tree.list(tree.root), Errno.ENOENT);
  await refused(tree.open(id, "read"), Errno.ENOENT);
  await refused(tree.numbers(tree.root), Errno.ENOENT);
});

/** Names that try to lead out of `place`, as text that a frame can carry. */
function hostileNames(place: Place): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom("..", "/", "\\", ".", "\0", "%2e%2e", "%2f", "::$DATA", "~", "\u2024\u2024", "\u{ff0e}"),
    fc.constantFrom(
      "outside",
      "secret",
      "root",
      "in",
      "out",
      "up",
      "escape",
      "docs",
      "a",
      "proc/self/cwd",
      "etc/passwd",
    ),
    fc.constantFrom(place.outside, join(place.outside, "secret"), place.base, place.root, "/proc/self/root"),
    fc.string({ maxLength: 4 }),
  );
  return fc.array(piece, { minLength: 1, maxLength: 7 }).map((pieces) => pieces.join(""));
}

testWithLinks("FolderTree never reads a file outside of the root, whatever the names are", async (place, open) => {
  place.directory("docs");
  place.file("docs/a", "mine");
  symlinkSync(place.outside, join(place.root, "out"));
  symlinkSync("..", join(place.root, "up"));
  symlinkSync("../../outside/secret", join(place.root, "docs", "escape"));
  symlinkSync("docs", join(place.root, "in"));
  const tree = open();
  const server = new FileServer({ name: "n", os: "linux", version: "0" });
  server.setTrees([tree]);
  const frames: string[] = [];
  const connection = server.connect((frame) => frames.push(frame));
  const docs = await tree.lookup(tree.root, "docs");
  await fc.assert(
    fc.asyncProperty(hostileNames(place), fc.constantFrom(tree.root, docs.id), async (name, parent) => {
      const node = (1n << 48n) | parent;
      const type = "acheron.t_fs_lookup";
      await connection.handle(stringifyJson({ channel: "acheron", type, tag: 1, node, payload: { name } }));
      const { payload } = parseJson(frames.pop() ?? "{}") as { payload?: { attr: { id: number } } };
      const ids = payload === undefined ? [] : [BigInt(payload.attr.id) & ((1n << 48n) - 1n)];
      // Also where nobody checked the name before.
      const direct = await tree.lookup(parent, name).catch((error: unknown) => {
        assert(error instanceof FsError || error instanceof TypeError, String(error));
      });
      if (direct !== undefined) ids.push(direct.id);
      for (const id of ids) {
        const found = await tree.attributes(id);
        if (found.k === 1) assert.equal(await contentOf(tree, id), "mine", name);
        else assert((await namesIn(tree, id)).every((child) => ["docs", "in", "a"].includes(child)), name);
      }
    }),
    { numRuns: 300 },
  );
  connection.close();
  server.setTrees([]);
});

testWithLinks(
  "FolderTree shows each name once, page by page, between links that cannot be shown",
  async (place, open) => {
    for (const name of ["b", "d", "f"]) place.file(name);
    for (const name of ["a", "e"]) symlinkSync(join(place.outside, "secret"), join(place.root, name));
    for (const name of ["c", "g"]) symlinkSync("nowhere", join(place.root, name));
    const tree = open();
    const server = new FileServer({ name: "n", os: "linux", version: "0" });
    server.setTrees([tree]);
    const frames: string[] = [];
    const connection = server.connect((frame) => frames.push(frame));
    const node = (1n << 48n) | tree.root;
    for (const max of [1, 3]) {
      const names: string[] = [];
      let page: { ents: { name: string }[]; next: number; eof: boolean } = { ents: [], next: 0, eof: false };
      while (!page.eof && names.length < 20) {
        const payload = { cookie: page.next, max };
        await connection.handle(
          stringifyJson({ channel: "acheron", type: "acheron.t_fs_readdirp", tag: 1, node, payload }),
        );
        ({ payload: page } = parseJson(frames.pop() ?? "{}") as { payload: typeof page });
        names.push(...page.ents.map(({ name }) => name));
      }
      assert.deepEqual(names, [".", "..", "b", "d", "f"]);
    }
    connection.close();
    server.setTrees([]);
  },
);
