/**
 * What each operation of the file protocol does with the trees of a node.
 *
 * @module
 */

import {
  childNameProblem,
  Errno,
  type FileAttributes,
  FS_PROTO,
  FS_PROTOCOL,
  type FsAsker,
  FsError,
  type FsRequest,
  MAX_TRANSFER_BYTES,
  OPEN_APPEND,
} from "../../control/protocol/mod.ts";
import type { HandleTable } from "./handles.ts";
import type { Listing, Listings } from "./listings.ts";
import type { Location, ServedTrees } from "./served_trees.ts";
import {
  type Access,
  type DirectoryEntry,
  type FileTree,
  noSuchNode,
  type OpenFile,
  readOnlyError,
  type TreeEditing,
} from "./tree.ts";

/** What the server says about its node. */
export interface NodeIdentity {
  readonly name: string;
  readonly os: string;
  readonly version: string;
}

/** What a request can reach. */
export interface RequestScope {
  readonly identity: NodeIdentity;
  readonly trees: ServedTrees;
  readonly handles: HandleTable;
  readonly listings: Listings;
}

/**
 * Carries out one request and returns the payload of its reply.
 *
 * The tree is called before this function first waits, so trees see requests
 * in the order in which they arrive.
 *
 * @throws {FsError} What the protocol answers with.
 */
export async function carryOut(request: FsRequest, scope: RequestScope): Promise<unknown> {
  const { trees, handles } = scope;
  switch (request.op) {
    case "hello":
      return helloOf(scope);
    case "subscribe":
      return {};
    case "exports":
      return { exports: trees.all.map((tree) => exportOf(tree, trees.wireId(tree, tree.root))) };
    case "lookup": {
      const { tree, local } = trees.locate(request.node);
      return { attr: onWire(trees, tree, await tree.lookup(local, request.payload.name)) };
    }
    case "walk": {
      const { tree, local } = trees.locate(request.node);
      const attrs: FileAttributes[] = [];
      let at = local;
      for (const name of request.payload.names) {
        const found = await tree.lookup(at, name);
        attrs.push(onWire(trees, tree, found));
        at = found.id;
      }
      return { attrs };
    }
    case "getattr": {
      const { tree, local } = trees.locate(request.node);
      return { attr: onWire(trees, tree, await tree.attributes(local)) };
    }
    case "readdirp":
      return await listPage(request.node, request.payload, scope);
    case "open": {
      const { tree, local } = trees.locate(request.node);
      const file = await tree.open(local, accessOf(request.payload.flags));
      const h = await keepOpen(tree, file, scope);
      return { h, caps: { rd: file.readable, wr: file.writable }, gen: file.generation };
    }
    case "read": {
      const file = handles.get(request.h);
      if (!file.readable) throw new FsError(Errno.EBADF, "handle not readable");
      const { bytes, eof } = await file.read(request.payload.off, request.payload.len);
      return { data_b64: bytes.toBase64(), eof };
    }
    case "write": {
      const file = handles.get(request.h);
      if (!file.writable) throw new FsError(Errno.EBADF, "handle not writable");
      return await file.write(request.payload.off, request.payload.data_b64);
    }
    case "close":
      await handles.close(request.h);
      return {};
    case "truncate": {
      const { tree, local } = trees.locate(request.node);
      await tree.truncate(local, request.payload.sz);
      return {};
    }
    case "statfs": {
      const { tree, local } = trees.locate(request.node);
      return await tree.numbers(local);
    }
    case "create": {
      const { tree, local } = trees.locate(request.node);
      const { name, mode, flags } = request.payload;
      // The handle can always write; there is nothing to read yet but what it wrote.
      const access = (flags & 3) === 1 ? "write" : "read_write";
      const { attributes, file } = await editingOf(tree).create(local, name, mode, access);
      return { attr: onWire(trees, tree, attributes), h: await keepOpen(tree, file, scope) };
    }
    case "mkdir": {
      const { tree, local } = trees.locate(request.node);
      await editingOf(tree).makeDirectory(local, request.payload.name);
      return {};
    }
    case "unlink": {
      const { tree, local } = trees.locate(request.node);
      await editingOf(tree).unlink(local, request.payload.name);
      return {};
    }
    case "rmdir": {
      const { tree, local } = trees.locate(request.node);
      await editingOf(tree).removeDirectory(local, request.payload.name);
      return {};
    }
    case "rename": {
      const { old_parent, old_name, new_parent, new_name } = request.payload;
      const from = trees.locate(old_parent);
      const to = trees.locate(new_parent);
      if (from.tree !== to.tree) throw new FsError(Errno.EXDEV, "cross-export rename is not supported");
      await editingOf(from.tree).rename(from.local, old_name, to.local, new_name);
      return {};
    }
    case "symlink": {
      const { tree, local } = changeable(trees.locate(request.node));
      const editing = tree.editing;
      if (editing?.symlink === undefined) throw notImplemented();
      const { name, target } = request.payload();
      await editing.symlink(local, name, target);
      return {};
    }
    case "readlink": {
      const { tree, local } = trees.locate(request.node);
      if (tree.readLink === undefined) throw notImplemented();
      return { target: await tree.readLink(local, request.payload().name) };
    }
    case "setattr": {
      const { tree, local } = changeable(trees.locate(request.node));
      if (tree.editing === undefined) throw notImplemented();
      return { attr: onWire(trees, tree, await tree.editing.setAttributes(local, request.payload())) };
    }
    case "setxattr": {
      const { tree, local } = changeable(trees.locate(request.node));
      if (tree.xattrs === undefined) throw notImplemented();
      const { name, value_b64, flags } = request.payload();
      await tree.xattrs.set(local, name, value_b64, flags);
      return {};
    }
    case "removexattr": {
      const { tree, local } = changeable(trees.locate(request.node));
      if (tree.xattrs === undefined) throw notImplemented();
      await tree.xattrs.remove(local, request.payload().name);
      return {};
    }
    case "getxattr": {
      const { tree, local } = trees.locate(request.node);
      if (tree.xattrs === undefined) throw notImplemented();
      return { value_b64: (await tree.xattrs.get(local, request.payload().name)).toBase64() };
    }
    case "listxattr": {
      const { tree, local } = trees.locate(request.node);
      if (tree.xattrs === undefined) throw notImplemented();
      return { names: await tree.xattrs.list(local) };
    }
    case "lock": {
      const file = handles.get(request.h);
      if (file.lock === undefined) throw notImplemented();
      const { kind, wait } = request.payload();
      await file.lock(kind, wait);
      return {};
    }
  }
}

/**
 * Refuses what is not for the one for whom the server asks.
 *
 * The server has looked at this before, but at the catalog that it holds; the manifest may be newer.
 *
 * @throws {FsError} `EACCES`.
 */
export function requirePermitted(request: FsRequest, asker: FsAsker, { trees, handles }: RequestScope): void {
  // Who closes a file does no harm, and it would stay open.
  if (request.op === "close") return;
  for (const tree of treesOf(request, trees, handles)) {
    const refusal = tree.refusalFor?.(asker);
    if (refusal !== undefined) throw new FsError(Errno.EACCES, `access denied: ${refusal}`);
  }
}

/** The trees that a request is about. */
function treesOf(request: FsRequest, trees: ServedTrees, handles: HandleTable): readonly FileTree[] {
  if (request.op === "rename") {
    const { old_parent, new_parent } = request.payload;
    return [trees.locate(old_parent).tree, trees.locate(new_parent).tree];
  }
  if ("node" in request) return [trees.locate(request.node).tree];
  const tree = "h" in request ? handles.treeOf(request.h) : undefined;
  return tree === undefined ? [] : [tree];
}

/** Numbers an open file; closes it when its tree is served no more. */
async function keepOpen(tree: FileTree, file: OpenFile, { trees, handles }: RequestScope): Promise<bigint> {
  if (trees.has(tree)) return handles.add(tree, file);
  await file.close();
  throw noSuchNode();
}

function editingOf({ editing }: FileTree): TreeEditing {
  if (editing === undefined) throw readOnlyError();
  return editing;
}

/** Refuses a folder that is exported to be read; what a service cannot do is said in other words. */
function changeable(location: Location): Location {
  if (isFolder(location.tree) && location.tree.editing === undefined) throw readOnlyError();
  return location;
}

/**
 * What the node can do, over all its folders; the list of exports says it for each.
 *
 * Services have no links and no locks, and count in nothing but `case_sensitive`: or one of them would take from a
 * client that reads no more than this what its folders can do.
 */
function helloOf({ identity, trees }: RequestScope): object {
  const folders = trees.all.filter(isFolder).map(capsOf);
  const can = (name: "symlink" | "xattr" | "locks" | "readlink" | "setattr") =>
    folders.length > 0 && folders.every((caps) => caps[name]);
  return {
    protocol: FS_PROTOCOL,
    proto: FS_PROTO,
    node: { name: identity.name, os: identity.os, ver: identity.version },
    caps: {
      readdirp: true,
      symlink: can("symlink"),
      xattr: can("xattr"),
      locks: can("locks"),
      readlink: can("readlink"),
      setattr: can("setattr"),
      case_sensitive: trees.all.every((tree) => capsOf(tree).case_sensitive),
      max_read: MAX_TRANSFER_BYTES,
      max_write: MAX_TRANSFER_BYTES,
    },
  };
}

function exportOf(tree: FileTree, root: bigint): object {
  const { name, read_only, description, source_kind, source_id } = tree.description;
  return { name, root, ro: read_only, desc: description, source_kind, source_id, caps: capsOf(tree) };
}

function capsOf(tree: FileTree) {
  const { source_kind } = tree.description;
  return {
    native_watch: tree.watches ?? false,
    case_sensitive: source_kind === "linux" || source_kind === "namespace",
    symlink: tree.editing?.symlink !== undefined,
    xattr: tree.xattrs !== undefined,
    locks: tree.locks ?? false,
    statfs: true,
    readlink: tree.readLink !== undefined,
    setattr: tree.editing !== undefined,
  };
}

function isFolder({ description }: FileTree): boolean {
  return description.source_kind !== "namespace";
}

async function listPage(
  node: bigint,
  { cookie, max, links }: { readonly cookie: number; readonly max: number; readonly links: boolean },
  { trees, listings }: RequestScope,
): Promise<object> {
  const { tree, local } = trees.locate(node);
  const begin = async (): Promise<Listing> => {
    const above = tree.parent(local);
    const [children, own, parents] = await Promise.all([
      tree.list(local, links),
      tree.attributes(local),
      tree.attributes(above),
    ]);
    const dots: DirectoryEntry[] = [{ name: ".", attributes: own }, { name: "..", attributes: parents }];
    // A name that no lookup would accept is of no use to a client.
    const named = children.filter((child) => childNameProblem(child.name) === undefined);
    return { directory: node, entries: [...dots, ...named], generation: own.gen };
  };
  const page = await listings.page(node, cookie, max, begin);
  return {
    ents: page.entries.map(({ name, attributes }) => ({ name, attr: onWire(trees, tree, attributes) })),
    next: page.next,
    eof: page.eof,
    dir_gen: page.generation,
  };
}

function onWire(trees: ServedTrees, tree: FileTree, attributes: FileAttributes): FileAttributes {
  // A link that cannot be followed stands for no file.
  if (attributes.k === 3) return attributes;
  return { ...attributes, id: trees.wireId(tree, attributes.id) };
}

function accessOf(flags: number): Access {
  const mode = flags & 3;
  if (mode === 1 && (flags & OPEN_APPEND) !== 0) return "append";
  return mode === 1 ? "write" : mode === 2 ? "read_write" : "read";
}

function notImplemented(): FsError {
  return new FsError(Errno.ENOSYS, "source adapter operation not yet implemented");
}
