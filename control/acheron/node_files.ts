/**
 * The files of nodes as one runtime connection uses them.
 *
 * A file is known by its path. The ids that a node gave on the way there are
 * kept, so that the next request needs no walk; where they mean nothing any
 * more, because the node came back or the file was replaced, the path is walked
 * anew.
 *
 * @module
 */

import { z } from "zod";
import { childNameProblem, Errno, type FileAttributes, FsError, OPEN_APPEND, serviceOfTree } from "../protocol/fs.ts";
import type { FsAsker } from "../protocol/fs_frames.ts";
import { type ListedEntry, MAX_LISTED, wholeListing } from "../protocol/fs_listing.ts";
import { fsReplies, requireAtMost } from "../protocol/fs_replies.ts";
import { decodedLength } from "../protocol/fs_requests.ts";
import type { FileHolder } from "../relay/open_files.ts";
import type { Tunnel, TunnelRegistry } from "../relay/tunnels.ts";
import { NodeLine } from "./node_line.ts";

/** Entries of a directory asked for at a time. */
const PAGE = 4_096;

/** So many files of one node a connection has open. */
const MAX_OPEN = 128;

/** Bytes stay base64 on their way through. */
const readReply = z.object({
  data_b64: z.string().refine((text) => text.length % 4 === 0, "must be base64 with padding"),
  eof: z.boolean(),
});
const createReply = z.object({ h: z.union([z.bigint(), z.int().transform(BigInt)]) });

/** Where a file of a node is. */
export interface NodeFile {
  readonly node_id: string;
  readonly tree: string;
  /** Names from the root of the tree. */
  readonly rest: readonly string[];
  /** For whom the node is asked; undefined for one who may use all of it. */
  readonly asker?: FsAsker | undefined;
}

/**
 * The ids on the way to a file, that of the root first; good for one tunnel. It
 * remembers whose they are: what stands at a path of the world may change.
 */
export interface NodePosition {
  readonly tunnel: Tunnel;
  readonly tree: string;
  readonly rest: readonly string[];
  readonly ids: readonly bigint[];
  /** Whether the last name is a symbolic link. */
  readonly isLink: boolean;
}

/** Remembers the position of one file. */
export interface PositionHolder {
  position?: NodePosition | undefined;
}

/** An open file of a node. */
export interface NodeHandle {
  /** What was opened. */
  readonly file: NodeFile;
  readonly line: NodeLine;
  readonly tunnel: Tunnel;
  readonly h: bigint;
  readonly access: NodeAccess;
}

/** How a file of a node is opened. */
export type NodeAccess = "read" | "write" | "append";

const OPEN_FLAGS: Readonly<Record<NodeAccess, number>> = { read: 0, write: 1, append: 1 | OPEN_APPEND };

/** Where a tree begins, and whether the node lets nobody write it. */
interface TreeRoot {
  readonly root: bigint;
  readonly ro: boolean;
}

/** Where a walk ended, and what its last step said of it. */
interface Walked {
  readonly node: bigint;
  readonly found: FileAttributes | undefined;
}

/** What a request is about, and for whom. */
interface Target {
  readonly node: bigint;
  readonly as: FsAsker | undefined;
}

/** The nodes that a connection has spoken to. */
export class NodeFiles {
  readonly #tunnels: TunnelRegistry;
  readonly #lines = new Map<string, NodeLine>();
  readonly #handles = new Set<NodeHandle>();
  /** Roots of the trees of each tunnel, by name. */
  readonly #roots = new WeakMap<Tunnel, ReadonlyMap<string, TreeRoot>>();
  readonly #owner: string;
  /** By the ids of nodes: the tunnel at which this connection is counted among those that open files. */
  readonly #counted = new Map<string, { readonly tunnel: Tunnel; readonly holder: FileHolder }>();
  /** Opens that are under way, with the ids of their nodes. */
  readonly #opening = new Map<Promise<void>, string>();
  /** Entries of the directories that are being listed. */
  #listed = 0;
  #isClosed = false;

  /** @param owner Whose files are counted together: the same for all connections of one token. */
  constructor(tunnels: TunnelRegistry, owner: string) {
    this.#tunnels = tunnels;
    this.#owner = owner;
  }

  /** Names of the folders that a node exports; the trees of services are not among them. */
  async folders(nodeId: string): Promise<string[]> {
    const line = this.#line(nodeId);
    const roots = await this.#exports(line, line.tunnel());
    return [...roots.keys()].filter((name) => serviceOfTree(name) === undefined && !childNameProblem(name));
  }

  /** Whether a node has said that nobody writes to a tree of it. */
  isReadOnly({ node_id, tree }: NodeFile): boolean {
    const tunnel = this.#tunnels.find(node_id);
    return tunnel !== undefined && this.#roots.get(tunnel)?.get(tree)?.ro === true;
  }

  /** What a file is: what the walk to it said, if there was one to be made. */
  find(file: NodeFile, holder: PositionHolder): Promise<FileAttributes> {
    return this.#at(
      file,
      holder,
      async (line, target, found) => {
        if (found !== undefined) return found;
        const { attr } = await line.ask("getattr", fsReplies.getattr, target);
        // The file behind a link does not know that there is one.
        return holder.position?.isLink === true ? { ...attr, link: true } : attr;
      },
    );
  }

  /**
   * All children, without `.` and `..`.
   *
   * @param links Whether links that cannot be followed are among them, of nodes that can say so.
   * @throws {FsError} `ENOTDIR` for a file; `EAGAIN`, `EIO` for too many.
   */
  list(directory: NodeFile, holder: PositionHolder, links = false): Promise<ListedEntry[]> {
    return this.#at(directory, holder, async (line, target) => {
      const how = { max: PAGE, ...(links ? { links } : {}) };
      let held = 0;
      try {
        return await wholeListing(async (cookie) => {
          const page = await line.ask("readdirp", fsReplies.readdirp, target, { cookie, ...how });
          held += page.ents.length;
          this.#listed += page.ents.length;
          // What one listing may hold, several share: a connection has one memory.
          if (this.#listed > MAX_LISTED && this.#listed > held) {
            throw new FsError(Errno.EAGAIN, `${MAX_LISTED} entries of directories are being listed already`);
          }
          return page;
        });
      } finally {
        this.#listed -= held;
      }
    });
  }

  /**
   * Opens a file; whoever opens it closes it, else the end of the connection does. Of many files that are open to be
   * read, the one that was not read for the longest time is closed.
   *
   * @throws {FsError} `EAGAIN` when too many are open to be written.
   */
  async open(file: NodeFile, holder: PositionHolder, access: NodeAccess): Promise<NodeHandle> {
    const settled = Promise.withResolvers<void>();
    await this.#takeRoom(file.node_id, settled.promise);
    try {
      return await this.#at(file, holder, async (line, target) => {
        const tunnel = line.tunnel();
        const { h } = await line.ask("open", fsReplies.open, target, { flags: OPEN_FLAGS[access] });
        return this.#keep({ file, line, tunnel, h, access });
      });
    } finally {
      this.#opening.delete(settled.promise);
      settled.resolve();
    }
  }

  /** Whether a handle is that of a file, and good still. */
  isFor(handle: NodeHandle, { node_id, tree, rest, asker }: NodeFile): boolean {
    const { file } = handle;
    const isSameFile = file.node_id === node_id && file.tree === tree && file.rest.join("/") === rest.join("/");
    const isSameAsker = file.asker?.role === asker?.role && file.asker?.token === asker?.token;
    return isSameFile && isSameAsker && this.#handles.has(handle) && isSame(handle);
  }

  async read(handle: NodeHandle, off: number, len: number): Promise<z.output<typeof readReply>> {
    requireSame(handle);
    // The one that was used last stands last.
    if (this.#handles.delete(handle)) this.#handles.add(handle);
    const reply = await handle.line.ask("read", readReply, { h: handle.h, as: handle.file.asker }, { off, len });
    requireAtMost(decodedLength(reply.data_b64), len, "read");
    return reply;
  }

  async write(handle: NodeHandle, off: number, bytes: Uint8Array): Promise<z.output<typeof fsReplies.write>> {
    requireSame(handle);
    const reply = await handle.line.ask("write", fsReplies.write, { h: handle.h, as: handle.file.asker }, {
      off,
      data_b64: bytes.toBase64(),
    });
    requireAtMost(reply.n, bytes.length, "write");
    return reply;
  }

  /** Closes a file; a second time does nothing. @throws {FsError} What the node says of what was written. */
  async close(handle: NodeHandle): Promise<void> {
    if (!this.#handles.delete(handle)) return;
    // A handle ends with the tunnel that it was opened through, as far as this connection knows of it.
    if (isSame(handle)) await handle.line.closeHandle(handle.h);
  }

  async truncate(file: NodeFile, holder: PositionHolder): Promise<void> {
    await this.#at(file, holder, (line, target) => line.ask("truncate", fsReplies.done, target, { sz: 0 }));
  }

  /** Makes a child of a directory. */
  async create(parent: NodeFile, holder: PositionHolder, name: string, kind: "file" | "dir"): Promise<void> {
    await this.#at(parent, holder, async (line, target) => {
      if (kind === "dir") return void await line.ask("mkdir", fsReplies.done, target, { name });
      const { h } = await line.ask("create", createReply, target, { name, mode: 0o100644, flags: 2 });
      line.closeHandle(h).catch(() => {}); // Nothing was written.
    });
  }

  /** Removes a child of a directory. */
  async remove(parent: NodeFile, holder: PositionHolder, name: string, kind: "file" | "dir"): Promise<void> {
    await this.#at(parent, holder, async (line, target) => {
      if (kind === "dir") {
        try {
          return void await line.ask("rmdir", fsReplies.done, target, { name });
        } catch (error) {
          // A link to a directory, which not every node calls a link. What is a directory is never unlinked.
          if (!(error instanceof FsError) || error.errno !== Errno.ENOTDIR) throw error;
        }
      }
      await line.ask("unlink", fsReplies.done, target, { name });
    });
  }

  /** Moves a child of a directory within its tree; a file that has the new name is replaced. */
  async rename(from: NodeFile, oldName: string, to: NodeFile, newName: string): Promise<void> {
    const idOf = (directory: NodeFile) =>
      this.#at(directory, { position: undefined }, (_line, { node }) => Promise.resolve(node));
    const [old_parent, new_parent] = [await idOf(from), await idOf(to)];
    const names = { old_parent, old_name: oldName, new_parent, new_name: newName };
    await this.#line(from.node_id).ask("rename", fsReplies.done, { as: from.asker }, names);
  }

  /** Closes everything that is open. */
  closeAll(): void {
    this.#isClosed = true;
    for (const handle of [...this.#handles]) this.#closeLater(handle);
    for (const { tunnel, holder } of this.#counted.values()) tunnel.openFiles.leave(this.#owner, holder);
    for (const line of this.#lines.values()) line.close();
  }

  /** Does something with a file, at the ids that are known or else at fresh ones. */
  async #at<T>(
    file: NodeFile,
    holder: PositionHolder,
    action: (line: NodeLine, target: Target, found: FileAttributes | undefined) => Promise<T>,
  ): Promise<T> {
    const line = this.#line(file.node_id);
    const known = holder.position;
    if (known !== undefined && known.tunnel === line.tunnel() && known.tree === file.tree) {
      try {
        const { node, found } = await this.#walk(line, file, holder, known);
        return await action(line, { node, as: file.asker }, found);
      } catch (error) {
        if (!(error instanceof FsError) || error.errno !== Errno.ENOENT) throw error;
        // The ids may be those of files that were replaced: the path decides.
      }
    }
    const { node, found } = await this.#walkAnew(line, file, holder);
    return await action(line, { node, as: file.asker }, found);
  }

  async #walkAnew(line: NodeLine, file: NodeFile, holder: PositionHolder): Promise<Walked> {
    const tunnel = line.tunnel();
    const root = this.#roots.get(tunnel)?.get(file.tree)?.root;
    if (root !== undefined) {
      try {
        return await this.#walk(line, file, holder, { tunnel, tree: file.tree, rest: [], ids: [root], isLink: false });
      } catch (error) {
        if (!(error instanceof FsError) || error.errno !== Errno.ENOENT) throw error;
        // The tree may have been served anew, with another root.
      }
    }
    const fresh = (await this.#exports(line, tunnel)).get(file.tree)?.root;
    if (fresh === undefined) throw new FsError(Errno.ENOENT, "file not found");
    if (fresh === root && file.rest.length > 0) throw new FsError(Errno.ENOENT, "file not found");
    return await this.#walk(line, file, holder, { tunnel, tree: file.tree, rest: [], ids: [fresh], isLink: false });
  }

  async #walk(line: NodeLine, file: NodeFile, holder: PositionHolder, from: NodePosition): Promise<Walked> {
    const same = from.rest.findIndex((name, at) => name !== file.rest[at]);
    const ids = from.ids.slice(0, (same < 0 ? from.rest.length : same) + 1);
    const isSamePlace = ids.length === from.ids.length && ids.length === file.rest.length + 1;
    const names = file.rest.slice(ids.length - 1);
    const steps = await lookUp(line, from.tunnel, { node: ids.at(-1) ?? 0n, as: file.asker }, names);
    ids.push(...steps.map(({ id }) => id));
    const found = steps.at(-1);
    const isLink = found === undefined ? isSamePlace && from.isLink : isLinked(found);
    holder.position = { tunnel: from.tunnel, tree: file.tree, rest: file.rest, ids, isLink };
    return { node: ids.at(-1) ?? 0n, found };
  }

  async #exports(line: NodeLine, tunnel: Tunnel): Promise<ReadonlyMap<string, TreeRoot>> {
    const { exports } = await line.ask("exports", fsReplies.exports);
    const roots = new Map(exports.map(({ name, root, ro }) => [name, { root, ro }]));
    this.#roots.set(tunnel, roots);
    return roots;
  }

  /** Counts this connection among those that open files of a node, anew when the node has connected anew. */
  #countAt(nodeId: string, tunnel: Tunnel): void {
    if (this.#counted.get(nodeId)?.tunnel === tunnel) return;
    const count = () => this.#openAt(nodeId).length + this.#openingAt(nodeId).length;
    const holder = {
      get openCount() {
        return count();
      },
    };
    this.#counted.set(nodeId, { tunnel, holder });
    tunnel.openFiles.join(this.#owner, holder);
  }

  #openAt(nodeId: string): NodeHandle[] {
    return [...this.#handles].filter(({ file }) => file.node_id === nodeId);
  }

  #openingAt(nodeId: string): Promise<void>[] {
    return [...this.#opening].filter(([, id]) => id === nodeId).map(([settled]) => settled);
  }

  /** Waits until one more of a node may be opened, and counts it; of those that are only read, one is closed for it. */
  async #takeRoom(nodeId: string, settled: Promise<void>): Promise<void> {
    for (;;) {
      const [open, opening] = [this.#openAt(nodeId), this.#openingAt(nodeId)];
      if (open.length + opening.length < MAX_OPEN) break;
      const oldest = open.find(({ access }) => access === "read");
      if (oldest !== undefined) this.#closeLater(oldest);
      else if (opening.length > 0) await Promise.race(opening);
      else {throw new FsError(
          Errno.EAGAIN,
          `too many open files: this connection writes ${MAX_OPEN} of the node already`,
        );}
    }
    const tunnel = this.#line(nodeId).tunnel();
    this.#countAt(nodeId, tunnel);
    tunnel.openFiles.requireRoom(this.#owner);
    this.#opening.set(settled, nodeId);
  }

  #keep(handle: NodeHandle): NodeHandle {
    this.#handles.add(handle);
    // The connection may have ended while the node opened it.
    if (this.#isClosed) this.#closeLater(handle);
    return handle;
  }

  #closeLater(handle: NodeHandle): void {
    this.close(handle).catch(() => {
      // Nobody is there who could be told.
    });
  }

  #line(nodeId: string): NodeLine {
    let line = this.#lines.get(nodeId);
    if (line === undefined) this.#lines.set(nodeId, line = new NodeLine(this.#tunnels, nodeId));
    return line;
  }
}

/** What stands at each of these names, one below the other. @throws {FsError} */
async function lookUp(
  line: NodeLine,
  { abilities }: Tunnel,
  from: Target,
  names: readonly string[],
): Promise<readonly FileAttributes[]> {
  if (abilities.walks && names.length > 1) {
    const { attrs } = await line.ask("walk", fsReplies.walk, from, { names });
    if (attrs.length !== names.length) throw new FsError(Errno.EIO, "InvalidReply: walk told of another path");
    return attrs;
  }
  const found: FileAttributes[] = [];
  for (const name of names) {
    const target = { node: found.at(-1)?.id ?? from.node, as: from.as };
    found.push((await line.ask("lookup", fsReplies.lookup, target, { name })).attr);
  }
  return found;
}

/** Whether a name led here that is a symbolic link. A node may also show the link itself. */
export function isLinked({ k, link }: FileAttributes): boolean {
  return k === 3 || link === true;
}

function isSame({ line, tunnel }: NodeHandle): boolean {
  try {
    return line.tunnel() === tunnel;
  } catch {
    return false;
  }
}

/** @throws {FsError} `EBADF` for a handle of a tunnel that has ended. */
function requireSame(handle: NodeHandle): void {
  if (!isSame(handle)) throw new FsError(Errno.EBADF, "unknown handle: the node has connected anew");
}
