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
  FsError,
  type FsRequest,
  MAX_TRANSFER_BYTES,
} from "../../control/protocol/mod.ts";
import type { HandleTable } from "./handles.ts";
import type { Listing, Listings } from "./listings.ts";
import type { ServedTrees } from "./served_trees.ts";
import {
  type Access,
  type DirectoryEntry,
  type FileTree,
  noSuchNode,
  readOnlyError,
  type TreeDescription,
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
    case "exports":
      return { exports: trees.all.map((tree) => exportOf(tree, trees.wireId(tree, tree.root))) };
    case "lookup": {
      const { tree, local } = trees.locate(request.node);
      return { attr: onWire(trees, tree, await tree.lookup(local, request.payload.name)) };
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
      if (!trees.has(tree)) {
        await file.close();
        throw noSuchNode();
      }
      const h = handles.add(tree, file);
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
    case "statfs":
      return await trees.locate(request.node).tree.numbers();
    case "create":
    case "mkdir":
    case "unlink":
    case "rmdir":
      trees.locate(request.node);
      throw readOnlyError();
    case "rename": {
      const from = trees.locate(request.payload.old_parent);
      const to = trees.locate(request.payload.new_parent);
      if (from.tree !== to.tree) throw new FsError(Errno.EXDEV, "cross-export rename is not supported");
      throw readOnlyError();
    }
    case "symlink":
    case "setattr":
    case "setxattr":
    case "removexattr":
      if (isFolder(trees.locate(request.node).tree)) throw readOnlyError();
      throw notImplemented();
    case "readlink":
    case "getxattr":
    case "listxattr":
      trees.locate(request.node);
      throw notImplemented();
    case "lock":
      handles.get(request.h);
      throw notImplemented();
  }
}

/** What clients can rely on for every export; the list of exports says it for each. */
function helloOf({ identity, trees }: RequestScope): object {
  const caps = trees.all.map(({ description }) => capsOf(description));
  return {
    protocol: FS_PROTOCOL,
    proto: FS_PROTO,
    node: { name: identity.name, os: identity.os, ver: identity.version },
    caps: {
      readdirp: true,
      symlink: caps.every((each) => each.symlink),
      xattr: caps.every((each) => each.xattr),
      locks: caps.every((each) => each.locks),
      readlink: false,
      setattr: false,
      case_sensitive: caps.every((each) => each.case_sensitive),
      max_read: MAX_TRANSFER_BYTES,
      max_write: MAX_TRANSFER_BYTES,
    },
  };
}

function exportOf({ description }: FileTree, root: bigint): object {
  return {
    name: description.name,
    root,
    ro: description.read_only,
    desc: description.description,
    source_kind: description.source_kind,
    source_id: description.source_id,
    caps: capsOf(description),
  };
}

function capsOf({ source_kind }: TreeDescription) {
  return {
    native_watch: false,
    case_sensitive: source_kind === "linux" || source_kind === "namespace",
    symlink: false,
    xattr: false,
    locks: false,
    statfs: true,
  };
}

function isFolder({ description }: FileTree): boolean {
  return description.source_kind !== "namespace";
}

async function listPage(
  node: bigint,
  { cookie, max }: { readonly cookie: number; readonly max: number },
  { trees, listings }: RequestScope,
): Promise<object> {
  const { tree, local } = trees.locate(node);
  const begin = async (): Promise<Listing> => {
    const above = tree.parent(local);
    const [children, own, parents] = await Promise.all([
      tree.list(local),
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
  return { ...attributes, id: trees.wireId(tree, attributes.id) };
}

function accessOf(flags: number): Access {
  const mode = flags & 3;
  return mode === 1 ? "write" : mode === 2 ? "read_write" : "read";
}

function notImplemented(): FsError {
  return new FsError(Errno.ENOSYS, "source adapter operation not yet implemented");
}
