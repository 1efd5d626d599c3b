import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ZssError } from "../../control/protocol/errors.ts";
import { copyAll, type CopyListener } from "./copy.ts";
import { type Found, localSide, type Side } from "./sides.ts";

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

  names(path: string): Promise<string[]> {
    const start = path === "/" ? "/" : `${path}/`;
    const all = [...this.files.keys(), ...this.directories].filter((one) => one.startsWith(start) && one !== "/");
    return Promise.resolve([...new Set(all.map((one) => one.slice(start.length).split("/")[0] ?? ""))].sort());
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
    assert.deepEqual(copied, { files: 2, directories: 2, bytes: 11 });
    assert.deepEqual(steps, [4, 8, 11]);
    assert.equal(await readFile(join(folder, "a", "one"), "utf8"), "hello world");
    await symlink(folder, join(folder, "a", "loop"));
    await copyAll([{ side: localSide, path: join(folder, "a") }], { side: memory, path: "/b" }, true, quiet);
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
    assert.deepEqual(await localSide.names(folder), ["f"]);
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
