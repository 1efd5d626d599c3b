/**
 * The acceptance suite of any part of the world, run over the wire: what the
 * server makes, a folder behind a tunnel, the files of a service.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type ControlConnection, WorldTree } from "../../control/client/mod.ts";
import { TreeScene } from "./tree_scene.ts";

/** A directory or a file that must be there. */
export interface ExpectedEntry {
  /** From the root of the subject, without a slash before it. */
  readonly path: string;
  /** Text of a file; absent for a directory. */
  readonly content?: string;
  /** What it may be replaced with; absent for what cannot be written. */
  readonly writes?: string;
}

/** A part of the world. */
export interface TreeSubject {
  /** Makes the part in a fresh scene and says where it begins. */
  prepare(scene: TreeScene): Promise<string>;
  readonly entries: readonly ExpectedEntry[];
  /** Whether the root holds nothing but these. */
  readonly isComplete: boolean;
}

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
  "...",
  "x".repeat(255),
  "ü".repeat(127),
];

/** Registers the suite for one part of the world. */
export function treeSuite(name: string, subject: TreeSubject): void {
  const files = subject.entries.filter((entry) => entry.content !== undefined);
  const directories = ["", ...subject.entries.filter((one) => one.content === undefined).map(({ path }) => path)];
  const [anyFile] = files;
  assert(anyFile !== undefined, "the example of the suite needs a file");

  Deno.test(`${name} keeps the contract of trees`, async (t) => {
    await using scene = await TreeScene.open();
    const root = await subject.prepare(scene);
    const connection = await scene.connect();
    const tree = await WorldTree.over(connection);
    const at = (path: string) => path === "" ? root : `${root}/${path}`;
    const message = messenger(connection);

    await t.step("every path is found, with its kind, and is the same when asked for again", async () => {
      const ids = new Set<number>();
      for (const { path, content, writes } of subject.entries) {
        const found = await tree.stat(at(path));
        assert.equal(found.kind, content === undefined ? "dir" : "file", path);
        assert.equal(found.name, path.split("/").at(-1));
        if (content !== undefined) assert.equal(found.size, new TextEncoder().encode(content).length, path);
        if (content !== undefined) assert.equal(found.writable, writes !== undefined, path);
        assert.deepEqual(await tree.stat(at(path)), found);
        ids.add(found.id);
      }
      assert.equal(ids.size, subject.entries.length);
    });

    await t.step("a listing holds every child once, sorted, and says of it what a look at it says", async () => {
      for (const path of directories) {
        const listed = await tree.list(at(path));
        const names = listed.map((entry) => entry.name);
        assert.deepEqual(names, names.toSorted());
        assert.equal(new Set(names).size, names.length);
        const expected = childrenOf(subject.entries, path);
        if (subject.isComplete) assert.deepEqual(names, expected);
        else for (const child of expected) assert(names.includes(child), `${path} lacks ${child}`);
        for (const entry of listed.filter((one) => expected.includes(one.name))) {
          assert.deepEqual(await tree.stat(at(path === "" ? entry.name : `${path}/${entry.name}`)), entry);
        }
      }
    });

    await t.step("a directory reads as the names of its children", async () => {
      const fid = await message.walk(at(""));
      const { data_b64 } = await message.send("t_read", { fid, count: 1_048_576 });
      const names = new TextDecoder().decode(Uint8Array.fromBase64(String(data_b64))).split("\n");
      assert.deepEqual(names, (await tree.list(at(""))).map((one) => one.name));
    });

    await t.step("a file is read whole, in parts, past its end and side by side", async () => {
      for (const { path, content } of files) {
        const whole = new TextEncoder().encode(content);
        // Compared as a whole: the difference of two megabytes takes minutes to be shown.
        assert.ok(Buffer.from(await tree.read(at(path))).equals(whole), path);
        const fid = await message.walk(at(path));
        const read = async (offset: number, count: number) => {
          const { data_b64, n, eof } = await message.send("t_read", { fid, offset, count });
          const bytes = Uint8Array.fromBase64(String(data_b64));
          assert.equal(n, bytes.length);
          return { bytes, eof };
        };
        const start = await read(0, whole.length + 1);
        assert.ok(Buffer.from(start.bytes).equals(whole.subarray(0, 1_048_576)), path);
        assert.equal(start.eof, whole.length <= 1_048_576);
        for (let offset = 0; offset < Math.min(whole.length, 12); offset++) {
          assert.deepEqual((await read(offset, 3)).bytes, whole.slice(offset, offset + 3));
        }
        for (const past of [whole.length, whole.length + 1, 2 ** 40]) {
          assert.deepEqual(await read(past, 8), { bytes: new Uint8Array(), eof: true });
        }
        assert.equal((await read(0, 0)).bytes.length, 0);
        const parts = await Promise.all([2, 0, 1].map((offset) => read(offset, 1)));
        assert.deepEqual(parts.map(({ bytes }) => bytes), [2, 0, 1].map((one) => whole.slice(one, one + 1)));
      }
    });

    await t.step("two fids of one file know nothing of each other", async () => {
      const [one, other] = [await message.walk(at(anyFile.path)), await message.walk(at(anyFile.path))];
      await message.send("t_open", { fid: one });
      await message.send("t_open", { fid: other });
      await message.send("t_clunk", { fid: one });
      const { data_b64 } = await message.send("t_read", { fid: other, count: 1_048_576 });
      assert.equal(new TextDecoder().decode(Uint8Array.fromBase64(String(data_b64))), anyFile.content);
      await assert.rejects(message.send("t_read", { fid: one }), { code: "enoent" });
    });

    await t.step("what cannot be written refuses to be, and stays as it is", async () => {
      for (const { path, content, writes } of files) {
        if (writes !== undefined) continue;
        await assert.rejects(tree.write(at(path), "x"), { code: "eperm" });
        const fid = await message.walk(at(path));
        await assert.rejects(message.send("t_write", { fid, data: "x" }), { code: "eperm" });
        assert.equal(await tree.readText(at(path)), content);
      }
    });

    await t.step("what can be written is read back", async () => {
      for (const { path, writes } of files) {
        if (writes === undefined) continue;
        assert.equal((await tree.write(at(path), writes)).n, new TextEncoder().encode(writes).length);
        assert.equal(await tree.readText(at(path)), writes);
      }
    });

    await t.step("a directory is not written and not read as a file, a file is not listed", async () => {
      for (const path of directories) {
        await assert.rejects(tree.read(at(path)), { code: "eisdir" });
        await assert.rejects(tree.write(at(path), "x"), { code: "eisdir" });
        const fid = await message.walk(at(path));
        await assert.rejects(message.send("t_open", { fid, mode: "w" }), { code: "eisdir" });
        await assert.rejects(message.send("t_write", { fid, data: "x" }), (error: Error & { code: string }) => {
          return ["eisdir", "eperm"].includes(error.code);
        });
      }
      await assert.rejects(tree.list(at(anyFile.path)), { code: "enotdir" });
      await assert.rejects(tree.stat(`${at(anyFile.path)}/child`), { code: "enoent" });
    });

    await t.step("names that are not there are not found, however odd", async () => {
      for (const path of directories) {
        for (const hostile of HOSTILE_NAMES) {
          await assert.rejects(tree.stat(`${at(path)}/${hostile}`), { code: "enoent" });
        }
        await assert.rejects(tree.stat(`${at(path)}/no such file/..`), { code: "enoent" });
      }
      for (const wrong of ["", "a/b", "a\\b", "nul\0", "x".repeat(5_000), "/etc/passwd", "\ud800"]) {
        const path = [...root.split("/").filter((one) => one !== ""), wrong];
        await assert.rejects(message.send("t_walk", { fid: 1, newfid: 99, path }), { code: "invalid" });
      }
    });

    await t.step("dots lead up and never out", async () => {
      const depth = root.split("/").length - 1;
      const top = (await tree.list("/")).map((one) => one.name);
      for (const path of directories) {
        assert.deepEqual(await tree.stat(`${at(path)}/./..//${at(path).split("/").at(-1)}`), await tree.stat(at(path)));
      }
      const { path } = subject.entries.find((one) => one.path.includes("/")) ?? anyFile;
      const up = "../".repeat(depth + path.split("/").length + 3);
      assert.deepEqual((await tree.list(`${at(path)}/${up}`)).map((one) => one.name), top);
      assert.equal((await tree.stat(`${at(path)}/${up}`)).id, 1);
    });
  });
}

/** Sends messages with fids of its own, far above those of the tree on the same connection. */
function messenger(connection: ControlConnection) {
  let next = 1_000_000;
  return {
    send: (name: string, members: Record<string, unknown>) => connection.message(name, members),
    async walk(path: string): Promise<number> {
      const newfid = next++;
      await connection.message("t_walk", { fid: 1, newfid, path: path.split("/").filter((name) => name !== "") });
      return newfid;
    },
  };
}

function childrenOf(entries: readonly ExpectedEntry[], path: string): string[] {
  const prefix = path === "" ? "" : `${path}/`;
  return entries.filter((entry) => entry.path.startsWith(prefix)).map((entry) => entry.path.slice(prefix.length))
    .filter((rest) => rest !== "" && !rest.includes("/")).sort();
}
