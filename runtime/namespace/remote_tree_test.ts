import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FsClient, type TextSocket } from "../../control/client/mod.ts";
import { Errno, type FileAttributes, FsError } from "../../control/protocol/mod.ts";
import { currentOs, systemClock } from "../../drivers/process/mod.ts";
import { openFolder } from "../exports/folder.ts";
import { FileServer } from "./file_server.ts";
import { createServiceFiles } from "./service_files.ts";
import { treeContract } from "./tree_contract.ts";
import type { CreatedFile, FileTree, OpenFile, TreeChange } from "./tree.ts";

const LOCAL = (1n << 48n) - 1n;
const noLinks = currentOs.name === "windows";

/** A socket that ends in a file server of the same process, frame by frame and as text. */
function socketTo(server: FileServer): TextSocket {
  let listener: ((text: string) => void) | undefined;
  const connection = server.connect((frame) => listener?.(frame));
  return {
    send: (text) => void connection.handle(text),
    onText: (text) => listener = text,
    onClose: () => {},
    pause() {},
    resume() {},
    close: () => connection.close(),
  };
}

/** The first export of a node, as a client sees it: every call is a frame there and one back. */
async function remoteTree(client: FsClient): Promise<FileTree> {
  const [exported] = await client.exports();
  assert(exported !== undefined);
  const { root, caps, name, ro, desc } = exported;
  const number = root & ~LOCAL;
  const parents = new Map<bigint, bigint>([[root & LOCAL, root & LOCAL]]);
  const wire = (local: bigint) => number | local;
  const local = (attributes: FileAttributes, parent?: bigint): FileAttributes => {
    const id = attributes.id & LOCAL;
    if (parent !== undefined) parents.set(id, parent);
    return { ...attributes, id };
  };
  const fileOf = async (opening: ReturnType<FsClient["openFile"]>, readable: boolean, writable: boolean) => {
    const remote = await opening;
    return {
      readable,
      writable,
      generation: 0n,
      read: (offset, length) => remote.read(offset, length),
      write: (offset, bytes) => remote.write(offset, bytes).then(({ n }) => ({ n })),
      ...(caps.locks ? { lock: (kind, wait) => remote.lock(kind, wait) } : {}),
      close: () => remote.close(),
    } satisfies OpenFile;
  };
  return {
    description: { name, read_only: ro, description: desc, source_kind: "linux", source_id: "" },
    root: root & LOCAL,
    locks: caps.locks,
    lookup: async (parent, name) => local(await client.lookup(wire(parent), name), parent),
    attributes: async (node) => local(await client.attributes(wire(node))),
    list: async (directory) =>
      (await client.list(wire(directory))).map(({ name, attributes }) => ({
        name,
        attributes: local(attributes, directory),
      })),
    parent: (node) => parents.get(node) ?? assert.fail(new FsError(Errno.ENOENT, "file not found")),
    open: (node, access) =>
      fileOf(client.openFile(wire(node), access), ["read", "read_write"].includes(access), access !== "read"),
    truncate: (node, size) => client.truncate(wire(node), size),
    numbers: (node) => client.numbers(wire(node)),
    onChange: (listener: (change: TreeChange) => void) =>
      client.onNews((news) =>
        listener(
          "directory" in news ? { directory: news.directory & LOCAL } : {
            node: news.node & LOCAL,
            what: news.what,
            generation: 0n,
          },
        )
      ),
    ...(caps.readlink ? { readLink: (parent: bigint, name: string) => client.readLink(wire(parent), name) } : {}),
    ...(caps.xattr
      ? {
        xattrs: {
          get: (node: bigint, name: string) => client.getXattr(wire(node), name),
          list: (node: bigint) => client.listXattrs(wire(node)),
          set: (node: bigint, name: string, value: Uint8Array, flags: number) =>
            client.setXattr(wire(node), name, value, flags),
          remove: (node: bigint, name: string) => client.removeXattr(wire(node), name),
        },
      }
      : {}),
    ...(caps.setattr
      ? {
        editing: {
          async create(parent, name, mode, access): Promise<CreatedFile> {
            assert(access !== "read" && access !== "append");
            const { attributes, file } = await client.create(wire(parent), name, mode & 0o777, access);
            return {
              attributes: local(attributes, parent),
              file: await fileOf(Promise.resolve(file), access !== "write", true),
            };
          },
          makeDirectory: (parent, name) => client.makeDirectory(wire(parent), name),
          unlink: (parent, name) => client.unlink(wire(parent), name),
          removeDirectory: (parent, name) => client.removeDirectory(wire(parent), name),
          rename: (from, name, to, newName) => client.rename(wire(from), name, wire(to), newName),
          symlink: caps.symlink ? (parent, name, target) => client.symlink(wire(parent), name, target) : undefined,
          setAttributes: async (node, changes) => local(await client.setAttributes(wire(node), changes)),
        } satisfies FileTree["editing"],
      }
      : {}),
  };
}

/** Serves a tree and opens it as a client; `end` undoes what it stands on. */
async function served(tree: FileTree, end: () => void) {
  const server = new FileServer({ name: "desk", os: "linux", version: "1" });
  server.setTrees([tree]);
  const client = await FsClient.over(socketTo(server), { clock: systemClock, subscribe: true });
  return {
    tree: await remoteTree(client),
    close() {
      client.close();
      server.setTrees([]);
      end();
      return Promise.resolve();
    },
  };
}

for (const mode of ["ro", "rw"] as const) {
  const writes = mode === "rw" ? { writes: "written" } : {};
  treeContract(`An exported folder (${mode}) behind the file protocol`, {
    editable: mode === "rw",
    open() {
      const base = realpathSync(mkdtempSync(join(tmpdir(), "zss-remote-")));
      const root = join(base, "root");
      for (const path of ["root", "root/docs", "root/.spiderweb-sandbox"]) mkdirSync(join(base, path));
      for (const path of ["a.txt", "docs/b", ".spiderweb-sandbox/x"]) writeFileSync(join(root, path), path);
      writeFileSync(join(base, "secret"), "secret");
      if (!noLinks) symlinkSync("../secret", join(root, "escaping"));
      return served(openFolder({ name: "work", path: root, mode }), () => rmSync(base, { recursive: true }));
    },
    entries: [
      { path: "a.txt", content: "a.txt", ...writes },
      { path: "docs" },
      { path: "docs/b", content: "docs/b", ...writes },
    ],
    absent: [".spiderweb-sandbox", "escaping"],
  });
}

/** The files of a service that takes every configuration and answers every invoke at once. */
function serviceTree(): FileTree {
  const documents = {
    "README.md": "read me",
    "SCHEMA.json": '{"s":1}',
    "TEMPLATE.json": '{"t":1}',
    "HOST.json": "{}",
    "result.json": "null",
    "last_error.txt": "",
    "status.json": '{"state":"idle"}',
    "metrics.json": "{}",
    "health.json": "{}",
  };
  const identity = { name: "svc-echo", description: "echo", source_id: "service:echo" };
  const files = createServiceFiles(identity, documents, {
    invoke: () => Promise.resolve({}),
    operate() {},
    refusalFor: () => undefined,
    configure: ({ content }) => files.update([{ file: "config.json", content }]),
    abandon: () => new FsError(Errno.EINVAL, "service invoke payload invalid"),
  });
  return files.tree;
}

const SERVICE = {
  entries: [
    { path: "HOST.json", content: "{}" },
    { path: "README.md", content: "read me" },
    { path: "SCHEMA.json", content: '{"s":1}' },
    { path: "TEMPLATE.json", content: '{"t":1}' },
    { path: "calls" },
    { path: "config.json", content: "{}", writes: '{"a":1}' },
    { path: "control" },
    ...["disable", "enable", "invoke.json", "reset", "restart"].map((name) => ({
      path: `control/${name}`,
      content: "",
      writes: "{}",
    })),
    { path: "health.json", content: "{}" },
    { path: "last_error.txt", content: "" },
    { path: "metrics.json", content: "{}" },
    { path: "result.json", content: "null" },
    { path: "schema.json", content: '{"s":1}' },
    { path: "status.json", content: '{"state":"idle"}' },
    { path: "template.json", content: '{"t":1}' },
  ],
  absent: ["invoke.json", "Control", "readme.md"],
};

treeContract("The files of a service", {
  open: () => Promise.resolve({ tree: serviceTree(), close: () => Promise.resolve() }),
  ...SERVICE,
});

treeContract("The files of a service behind the file protocol", {
  open: () => served(serviceTree(), () => {}),
  ...SERVICE,
});
