/**
 * The reference's public client against a node and a server, with the frames of
 * tests/golden; and what must hold of large files on that way.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FsClient, openSocket, type TextSocket } from "../../control/client/mod.ts";
import { systemClock } from "../../drivers/process/mod.ts";
import { Scene } from "./program.ts";

const GOLDEN = new URL("../golden/fs_public_client.txt", import.meta.url);

/** A socket whose frames are taken one by one. */
class Frames {
  readonly #socket: TextSocket;
  readonly #come: string[] = [];
  #wake: () => void = () => {};

  constructor(socket: TextSocket) {
    this.#socket = socket;
    socket.onText((text) => {
      this.#come.push(text);
      this.#wake();
    });
    socket.onClose((reason) => {
      this.#come.push(`closed: ${reason}`);
      this.#wake();
    });
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  async next(): Promise<string> {
    while (this.#come.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#come.shift() ?? "";
  }

  close(): void {
    this.#socket.close();
  }
}

/** Compares a frame with its template, and takes the values that are new. */
function match(template: string, frame: string, values: Map<string, string>): void {
  const names: string[] = [];
  const pattern = template.split(/(\{\{(?:\w+|\*|\.\.\.)\}\})/).map((part) => {
    const name = /^\{\{(.+)\}\}$/.exec(part)?.[1];
    if (name === undefined) return RegExp.escape(part);
    if (name === "...") return ".*?";
    if (name === "*") return '[^,"{}\\[\\]]*';
    const known = values.get(name);
    if (known !== undefined) return RegExp.escape(known);
    if (names.includes(name)) return `\\k<${name}>`;
    names.push(name);
    return `(?<${name}>[^,"{}\\[\\]]+)`;
  }).join("");
  const found = new RegExp(`^${pattern}$`).exec(frame);
  assert(found !== null, `\nwanted: ${template}\ncame:   ${frame}`);
  for (const name of names) values.set(name, found.groups?.[name] ?? "");
}

async function startWork(scene: Scene): Promise<{ readonly work: string; readonly secret: string }> {
  const work = join(scene.folder, "work");
  await mkdir(work);
  await writeFile(join(work, "README.md"), "hello", { mode: 0o644 });
  const node = await scene.startNode("--export", `work=${work}:rw`);
  await node.printed(/zss node online/);
  const state = JSON.parse(await readFile(join(scene.folder, "node-state.json"), "utf8"));
  return { work, secret: state.node_secret };
}

Deno.test("zss node run and zss server answer the reference's public client, frame by frame", async () => {
  await using scene = await Scene.open();
  const { work, secret } = await startWork(scene);
  const sockets = {
    control: new Frames(await openSocket({ url: scene.url, token: scene.token })),
    files: new Frames(await openSocket({ url: `${scene.url}/v2/fs/node/node-1` })),
  };
  const values = new Map([["secret", secret]]);
  const told = new Set<string>();
  const fill = (template: string) => template.replace(/\{\{(\w+)\}\}/g, (_, name) => values.get(name) ?? name);
  for (const line of (await readFile(GOLDEN, "utf8")).split("\n")) {
    const [, on, way, text] = /^(control|files) ([<>]) (.+)$/.exec(line) ?? [];
    if (text === undefined || (on !== "control" && on !== "files")) continue;
    if (way === ">") sockets[on].send(fill(text));
    else {
      let frame = await sockets[on].next();
      // The watch of a busy machine may tell once more of what was told already.
      while (told.has(frame) && !text.includes("acheron.e_fs_")) frame = await sockets[on].next();
      if (frame.includes('"acheron.e_fs_inval_dir"')) told.add(frame);
      match(text, frame, values);
    }
  }
  assert.equal(await readFile(join(work, "README.md"), "utf8"), "hello world");
  for (const socket of Object.values(sockets)) socket.close();
});

Deno.test("zss node run takes and gives back 3 MB through the server in pieces of 1 MiB, and drops what a client left", async () => {
  await using scene = await Scene.open();
  const { work } = await startWork(scene);
  const options = { url: scene.url, token: scene.token, node_id: "node-1", clock: systemClock };
  const client = await FsClient.open({ ...options, subscribe: true });
  const root = await client.walk("work", []);
  const content = new Uint8Array(3_000_000).map((_, at) => at * 31 + (at >> 8));
  const { attributes, file } = await client.create(root, "big");
  await client.write(attributes.id, content);
  assert.deepEqual(new Uint8Array(await readFile(join(work, "big"))), content);
  assert.deepEqual(await client.read(attributes.id), content);
  const { bytes, eof } = await file.read(0, 0xffff_ffff);
  assert.deepEqual([bytes.length, eof], [1_048_576, false], "a read beyond what a frame carries is cut to it");

  // Somebody else's lock ends with their connection.
  const other = await FsClient.open(options);
  const theirs = await other.openFile(attributes.id, "read_write").catch(() => undefined);
  const numbers = await client.numbers(root);
  assert(numbers.blocks > 0 && numbers.bavail <= numbers.blocks, "statfs tells of a real file system");
  if (theirs !== undefined) await theirs.lock("exclusive").catch(() => {});
  const mine = file.lock("exclusive", true).catch(() => {});
  other.close();
  await mine;

  const heard = new Promise<void>((resolve) =>
    client.onNews((news) => {
      if ("directory" in news && news.directory === root) resolve();
    })
  );
  await writeFile(join(work, "by somebody else"), "");
  await heard;
  client.close();
});
