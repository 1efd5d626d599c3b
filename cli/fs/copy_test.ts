import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ZssError } from "../../control/protocol/errors.ts";
import { copyAll, type CopyListener } from "./copy.ts";
import { type Children, type Found, isSameFile, localSide, type Side } from "./sides.ts";

/** Files in memory; `cut` ends every read so many bytes early. */
class MemorySide implements Side {
  readonly files = new Map<string, Uint8Array>();
  readonly directories = new Set<string>(["/"]);
  cut = 0;

  look(path: string): Promise<Found | undefined> {
    const file = this.files.get(path);
    if (file !== undefined) return Promise.resolve({ kind: "file", size: file.length });
    return Promise.resolve(this.directories.has(path) ? { kind: "dir", size: 0 } : undefined);
  }

  children(path: string): Promise<Children> {
    const start = path === "/" ? "/" : `${path}/`;
    const all = [...this.files.keys(), ...this.directories].filter((one) => one.startsWith(start) && one !== "/");
    const names = [...new Set(all.map((one) => one.slice(start.length).split("/")[0] ?? ""))].sort();
    return Promise.resolve({ names, links: 0 });
  }

  async *read(path: string): AsyncGenerator<Uint8Array> {
    const content = this.files.get(path) ?? new Uint8Array();
    await Promise.resolve();
    for (let at = 0; at < content.length - this.cut; at += 4) {
      yield content.subarray(at, Math.min(at + 4, content.length - this.cut));
    }
  }

  async write(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: number[] = [];
    for await (const piece of pieces) parts.push(...piece);
    this.files.set(path, new Uint8Array(parts));
  }

  mkdir(path: string): Promise<void> {
    this.directories.add(path);
    return Promise.resolve();
  }

  child(path: string, name: string): string {
    return path === "/" ? `/${name}` : `${path}/${name}`;
  }

  async folders(path: string): Promise<{ path: string; found: Found }[]> {
    const { names } = await this.children(path);
    const paths = names.map((name) => this.child(path, name)).filter((one) => this.directories.has(one));
    return paths.map((one) => ({ path: one, found: { kind: "dir", size: 0 } }));
  }

  readonly knowsWay = false;

  above(path: string): Promise<string[]> {
    return Promise.resolve([path]);
  }
}

const quiet: CopyListener = { begin: () => {}, progress: () => {}, end: () => {} };
const text = (value: string) => new TextEncoder().encode(value);

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "zss-copy-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

Deno.test("copyAll() copies a folder both ways, byte for byte, empty files too, and says how far it is", () =>
  inFolder(async (folder) => {
    const memory = new MemorySide();
    memory.directories.add("/a").add("/a/empty");
    memory.files.set("/a/one", text("hello world")).set("/a/none", text(""));
    const steps: number[] = [];
    const listener = { ...quiet, progress: (_path: string, done: number) => void steps.push(done) };
    const there = { side: localSide, path: folder };
    const copied = await copyAll([{ side: memory, path: "/a" }], there, true, listener);
    assert.deepEqual(copied, { files: 2, directories: 2, bytes: 11, links: 0, left_out: [], failed: [] });
    assert.deepEqual(steps, [4, 8, 11]);
    assert.equal(await readFile(join(folder, "a", "one"), "utf8"), "hello world");
    await symlink(folder, join(folder, "a", "loop"));
    const back = { side: memory, path: "/b" };
    assert.equal((await copyAll([{ side: localSide, path: join(folder, "a") }], back, true, quiet)).links, 1);
    assert.deepEqual([...memory.files.keys()], ["/a/one", "/a/none", "/b/none", "/b/one"]);
    assert.ok(memory.directories.has("/b/empty"));
  }));

Deno.test("copyAll() keeps the old file when the new one ends too early, and leaves nothing beside it", () =>
  inFolder(async (folder) => {
    const memory = new MemorySide();
    memory.files.set("/f", text("new content"));
    memory.cut = 3;
    const path = join(folder, "f");
    await writeFile(path, "old");
    await assert.rejects(
      copyAll([{ side: memory, path: "/f" }], { side: localSide, path }, false, quiet),
      (error) => error instanceof ZssError && error.code === "short_copy" && /after 8 of 11 bytes/.test(error.message),
    );
    assert.equal(await readFile(path, "utf8"), "old");
    assert.deepEqual((await localSide.children(folder)).names, ["f"]);
  }));

Deno.test("copyAll() refuses what cannot be meant", async () => {
  const memory = new MemorySide();
  memory.directories.add("/a");
  memory.files.set("/f", text("x"));
  const place = (path: string) => ({ side: memory, path });
  const refused = (sources: string[], target: string, recursive: boolean, message: RegExp) =>
    assert.rejects(copyAll(sources.map(place), place(target), recursive, quiet), { message });
  await refused(["/a"], "/b", false, /^Cannot copy "\/a": it is a directory/);
  await refused(["/gone"], "/b", true, /^Cannot copy "\/gone": no such file/);
  await refused(["/a", "/f"], "/b", true, /^Cannot copy 2 sources to "\/b"/);
  await refused(["/a"], "/f", true, /a file is in the way/);
});

Deno.test("copyAll() never leaves the folder that it copies to, whatever a place names", () =>
  inFolder(async (folder) => {
    for (const name of ["../../pwned.txt", "..", "a/b", "a\\b", ""]) {
      const memory = new MemorySide();
      memory.directories.add("/a");
      memory.children = (path) => Promise.resolve({ names: path === "/a" ? [name] : [], links: 0 });
      memory.look = (path) => Promise.resolve(path === "/a" ? { kind: "dir", size: 0 } : { kind: "file", size: 0 });
      const target = join(folder, "deep", "er");
      await mkdir(target, { recursive: true });
      const to = { side: localSide, path: target };
      const { files, failed } = await copyAll([{ side: memory, path: "/a" }], to, true, quiet);
      assert.deepEqual([files, failed.map(({ path }) => path)], [0, [`/a/${name}`]]);
    }
    assert.deepEqual(await readdir(folder), ["deep"]);
    assert.throws(() => localSide.child(folder, ".."), { code: "unsafe_name" });
  }));

Deno.test("copyAll() refuses to copy a file onto itself, whichever path leads to it", () =>
  inFolder(async (folder) => {
    const [file, link] = [join(folder, "f"), join(folder, "link")];
    await writeFile(file, "content");
    await symlink(file, link);
    const local = (path: string) => ({ side: localSide, path });
    for (const [from, to] of [[file, file], [file, folder], [file, link], [link, file]] as const) {
      await assert.rejects(copyAll([local(from)], local(to), false, quiet), { code: "same_file" });
    }
    assert.equal(await readFile(file, "utf8"), "content");
    assert.deepEqual(await readdir(folder), ["f", "link"]);
  }));

Deno.test("copyAll() refuses to copy a folder into one below it, and makes nothing", () =>
  inFolder(async (folder) => {
    const source = join(folder, "a");
    await mkdir(join(source, "b"), { recursive: true });
    await symlink(join(source, "b"), join(folder, "elsewhere"));
    const local = (path: string) => ({ side: localSide, path });
    for (const target of [source, join(source, "b"), join(source, "b", "new"), join(folder, "elsewhere")]) {
      await assert.rejects(copyAll([local(source)], local(target), true, quiet), { code: "same_file" }, target);
    }
    assert.deepEqual(await readdir(source, { recursive: true }), ["b"]);
  }));

Deno.test("copyAll() looks into the source before it makes anything where the way to the target does not show all", async () => {
  const memory = new MemorySide();
  for (const path of ["/a", "/a/b", "/a/b/c", "/link"]) memory.directories.add(path);
  memory.files.set("/a/first", text("x"));
  const number = (path: string) => path === "/link" ? "/a/b/c" : path;
  const named = (path: string, found: Found) => ({ ...found, identity: { key: number(path), realm: "node:1" } });
  const look = memory.look.bind(memory);
  const folders = memory.folders.bind(memory);
  memory.look = async (path) => {
    const found = await look(path);
    return found && named(path, found);
  };
  memory.folders = async (path) => (await folders(path)).map((one) => ({ ...one, found: named(one.path, one.found) }));
  memory.above = (path) => Promise.resolve(["/", "/link", path]);
  const before = [...memory.directories];
  const copy = copyAll([{ side: memory, path: "/a" }], { side: memory, path: "/link" }, true, quiet);
  await assert.rejects(copy, { code: "same_file" });
  assert.deepEqual([[...memory.directories], [...memory.files.keys()]], [before, ["/a/first"]]);
});

Deno.test("isSameFile() goes by the key, and between a node and this machine by what the file is like", () => {
  const found = (key: string, realm: string, likeness: string) =>
    ({ kind: "file", size: 1, identity: { key, realm, likeness } }) as const;
  const one = found("tree:5.1.2", "node:1", "file 5 1 9");
  assert.ok(isSameFile(one, found("tree:5.1.2", "node:1", "file 5 1 10")));
  assert.ok(isSameFile(one, found("tree:5.1.3", "node:1", "file 5 1 9")));
  assert.ok(isSameFile(one, found("local:8:5", "local", "file 5 1 9")));
  assert.ok(!isSameFile(one, found("tree:5.2.3", "node:2", "file 5 1 9")));
  assert.ok(!isSameFile(one, found("tree:5.1.3", "node:1", "file 5 1 10")));
  assert.ok(!isSameFile({ kind: "file", size: 1 }, { kind: "file", size: 1 }));
});

Deno.test("a local file is replaced under a name of its own, with the mode that it had, and by one copy at a time", () =>
  inFolder(async (folder) => {
    const path = join(folder, "n".repeat(255));
    await writeFile(path, "old");
    await chmod(path, 0o751);
    // Somebody else's file with the name that part files once had.
    await writeFile(join(folder, "f.zss-part"), "mine");
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    async function* pieces(gate: Promise<void>, letter: string): AsyncGenerator<Uint8Array> {
      yield text(letter.repeat(3));
      await gate;
      yield text(letter.repeat(3));
    }
    const writes = gates.map(({ promise }, at) => localSide.write(path, pieces(promise, at === 0 ? "a" : "b")));
    gates[1].resolve();
    await writes[1];
    assert.equal(await readFile(path, "utf8"), "bbbbbb");
    gates[0].resolve();
    await writes[0];
    assert.equal(await readFile(path, "utf8"), "aaaaaa");
    if (Deno.build.os !== "windows") assert.equal((await stat(path)).mode & 0o777, 0o751);
    await localSide.write(join(folder, "f"), pieces(Promise.resolve(), "c"));
    assert.deepEqual(await readdir(folder), ["f", "f.zss-part", "n".repeat(255)]);
    await assert.rejects(localSide.write(join(folder, "f", "g"), pieces(Promise.resolve(), "c")), ZssError);
  }));

Deno.test("copyAll() copies nothing when two sources would get one name, or one is named twice", async () => {
  const memory = new MemorySide();
  for (const path of ["/d1", "/d2", "/to"]) memory.directories.add(path);
  memory.files.set("/d1/x", text("one")).set("/d2/x", text("two")).set("/d1/y", text("y"));
  const copy = (...paths: string[]) =>
    copyAll(paths.map((path) => ({ side: memory, path })), { side: memory, path: "/to" }, true, quiet);
  await assert.rejects(copy("/d1/y", "/d1/x", "/d2/x"), {
    code: "usage",
    message: 'Cannot copy "/d2/x" to "/to/x": it would replace the copy of "/d1/x"',
  });
  await assert.rejects(copy("/d1/y", "/d1/y"), { code: "usage", message: 'Cannot copy "/d1/y": it is named twice' });
  assert.deepEqual((await memory.children("/to")).names, []);
});

Deno.test("copyAll() makes no file where a folder was named that is not there", async () => {
  const memory = new MemorySide();
  memory.directories.add("/d");
  memory.files.set("/f", text("f"));
  const copy = (from: string, to: string) =>
    copyAll([{ side: memory, path: from }], { side: memory, path: to, isFolder: true }, true, quiet);
  await assert.rejects(copy("/f", "/new"), { code: "enotdir" });
  assert.equal(memory.files.has("/new"), false);
  await copy("/d", "/new");
  await copy("/f", "/new");
  assert.ok(memory.files.has("/new/f"));
});

Deno.test("copyAll() notes what in a folder cannot be read, and copies the rest", async () => {
  const memory = new MemorySide();
  memory.directories.add("/a").add("/a/deep");
  for (const name of ["first", "pipe", "deep/z", "last"]) memory.files.set(`/a/${name}`, text(name));
  const read = memory.read.bind(memory);
  let refusal = new ZssError("eperm", "Cannot read /a/pipe: not a regular file");
  memory.read = async function* (path) {
    if (path === "/a/pipe") throw refusal;
    yield* read(path);
  };
  const copy = (path: string, to = "/b") => copyAll([{ side: memory, path }], { side: memory, path: to }, true, quiet);
  const { files, failed } = await copy("/a");
  assert.deepEqual([files, failed], [3, [{ path: "/a/pipe", message: "Cannot read /a/pipe: not a regular file" }]]);
  assert.ok(
    ["first", "deep/z", "last"].every((name) => memory.files.has(`/b/${name}`)) && !memory.files.has("/b/pipe"),
  );
  // What is named by itself is what was wanted, and a lost connection is nothing to pass over.
  await assert.rejects(copy("/a/pipe", "/p"), { code: "eperm" });
  refusal = new ZssError("connection_lost", "Cannot go on");
  await assert.rejects(copy("/a", "/c"), { code: "connection_lost" });
});

Deno.test({
  name: "copyAll() says what on this machine is no file or has a name that is no UTF-8",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, "good"), "x");
      execFileSync("mkfifo", [join(folder, "pipe")]);
      execFileSync("sh", ["-c", `printf x > "$(printf 'bad\\377')"`], { cwd: folder });
      const memory = new MemorySide();
      const copied = await copyAll([{ side: localSide, path: folder }], { side: memory, path: "/b" }, true, quiet);
      assert.deepEqual([copied.files, copied.left_out, copied.failed], [
        1,
        [`${folder}/bad\ufffd`, `${folder}/pipe`],
        [],
      ]);
    }),
});
