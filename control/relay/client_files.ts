/**
 * Which files a client of the relay talks about.
 *
 * The file protocol names files by numbers that the node gives out. The relay
 * reads along: from the list of exports, lookups and listings it knows which
 * path a number stands for, from opens which file a handle is. For a client that
 * may not have everything, a number that it was never given stands for nothing.
 *
 * @module
 */

import { isObject } from "../protocol/envelope.ts";
import { Errno, FsError, serviceOfTree } from "../protocol/fs.ts";
import { type FsFrame, fsRequestFrame } from "../protocol/fs_frames.ts";
import type { PathAct } from "../policy/node_path.ts";
import { type ClientRequest, idOf, operations } from "./client_request.ts";

/** A file in one of the trees of a node. */
export interface TreePath {
  readonly tree: string;
  /** Path within the tree of a service, joined by slashes; empty for its root, and for all of a folder. */
  readonly path: string;
}

/** What a request does with a file. */
export interface Touch extends TreePath {
  readonly act: PathAct;
}

/** So many files of one client are known at a time; a client that walks further looks up again what it used least. */
const MAX_KNOWN = 131_072;
/** So many files may one client have open, or be about to open. */
const MAX_OPEN = 128;

/** The files that a client knows. */
export class ClientFiles {
  readonly #isStrict: boolean;
  readonly #nodes = new Map<string, TreePath>();
  readonly #handles = new Map<string, TreePath>();
  /** The place of each folder, once: what stands where in it makes no difference. */
  readonly #folders = new Map<string, TreePath>();
  #opening = 0;

  /** @param isStrict Whether every file must be known; else what stands in the listings of folders is not read. */
  constructor(isStrict: boolean) {
    this.#isStrict = isStrict;
  }

  /** How many files it has open, or is about to open. */
  get openCount(): number {
    return this.#handles.size + this.#opening;
  }

  /** Forgets everything: another process of the node may give the same numbers to other files. */
  clear(): void {
    this.#nodes.clear();
    this.#handles.clear();
  }

  /** Where a file of the news is; `undefined` when the client does not know it. */
  placeOf(node: string): TreePath | undefined {
    return this.#nodes.get(node);
  }

  /** The frames that close every handle that is open still. */
  closings(): string[] {
    return [...this.#handles.keys()].map(closing);
  }

  /**
   * What a request does with which files; empty for what is about none, and for files that need not be known.
   *
   * @throws {FsError} `ENOENT` or `EBADF` for a number that the client was not given, `EAGAIN` for one open file too many.
   */
  touches(request: ClientRequest): Touch[] {
    const { op, node, handle, names } = request;
    const operation = operations[op];
    if (operation === undefined) return [];
    const { on, act, opens } = operation;
    if (opens === true && this.openCount >= MAX_OPEN) {
      throw new FsError(Errno.EAGAIN, `too many open files: this connection has ${MAX_OPEN}, close one`);
    }
    switch (on) {
      case "none":
        return [];
      case "handle":
        return this.#touch(this.#known(this.#handles, handle, Errno.EBADF, "unknown handle"), act);
      case "node":
        return this.#touch(this.#file(node), op === "fs_open" && request.flags !== 0 ? "write" : act);
      case "child":
        return this.#touch(this.#child(this.#file(node), names[0]), act);
      case "parents":
        return request.parents.flatMap((parent, index) =>
          this.#touch(this.#child(this.#file(parent), names[index]), act)
        );
    }
  }

  /** Notes that a request is on its way. */
  sent({ op }: ClientRequest): void {
    if (operations[op]?.opens === true) this.#opening++;
  }

  /** Notes that a request has ended, one way or another. */
  ended({ op, handle }: ClientRequest): void {
    if (operations[op]?.opens === true) this.#opening--;
    // Whatever the node answers, it does not hold the file any more.
    if (op === "fs_close" && handle !== undefined) this.#handles.delete(handle);
  }

  /** Reads the reply to a request for numbers that the client now knows. */
  learn(request: ClientRequest, reply: FsFrame): void {
    const { payload } = reply;
    if (reply.members["ok"] !== true || !isObject(payload)) return;
    const { attr, ents, exports, h } = payload;
    if (request.op === "fs_exports") {
      for (const { name, root } of listOf(exports)) {
        if (typeof name === "string") this.#note(idOf(root), this.#root(name));
      }
      return;
    }
    const at = request.node === undefined ? undefined : this.#nodes.get(request.node);
    const isNamed = operations[request.op]?.on === "child";
    const place = at !== undefined && isNamed ? this.#child(at, request.names[0]) : at;
    const handle = idOf(h);
    if (handle !== undefined) this.#handles.set(handle, place ?? UNKNOWN);
    if (at === undefined) return;
    if (isNamed && isObject(attr)) this.#note(idOf(attr["id"]), place);
    for (const { name, attr: entry } of listOf(ents)) {
      if (name === "." || name === ".." || typeof name !== "string" || !isObject(entry)) continue;
      this.#note(idOf(entry["id"]), this.#child(at, name));
    }
  }

  /** Whether the reply to a request says anything that must be learned. */
  matters({ op, node }: ClientRequest): boolean {
    const operation = operations[op];
    if (operation === undefined || operation.learns === undefined) return false;
    if (operation.learns === "always" || this.#isStrict) return true;
    return node !== undefined && serviceOfTree(this.#nodes.get(node)?.tree ?? "") !== undefined;
  }

  #file(node: string | undefined): TreePath | undefined {
    return this.#known(this.#nodes, node, Errno.ENOENT, "file not found");
  }

  #touch(place: TreePath | undefined, act: PathAct): Touch[] {
    return place === undefined ? [] : [{ ...place, act }];
  }

  #known(table: Map<string, TreePath>, key: string | undefined, errno: Errno, message: string): TreePath | undefined {
    const place = key === undefined ? undefined : table.get(key);
    if (place === undefined || key === undefined) {
      if (this.#isStrict) throw new FsError(errno, message);
      return undefined;
    }
    // In the order of use, so that what is used is forgotten last.
    table.delete(key);
    table.set(key, place);
    return place;
  }

  #root(tree: string): TreePath {
    if (serviceOfTree(tree) !== undefined) return { tree, path: "" };
    const known = this.#folders.get(tree) ?? { tree, path: "" };
    this.#folders.set(tree, known);
    return known;
  }

  #child(place: TreePath, name: string | undefined): TreePath;
  #child(place: TreePath | undefined, name: string | undefined): TreePath | undefined;
  #child(place: TreePath | undefined, name = ""): TreePath | undefined {
    if (place === undefined || serviceOfTree(place.tree) === undefined) return place;
    return { tree: place.tree, path: place.path === "" ? name : `${place.path}/${name}` };
  }

  #note(key: string | undefined, place: TreePath | undefined): void {
    if (key === undefined || place === undefined) return;
    this.#nodes.delete(key);
    this.#nodes.set(key, place);
    if (this.#nodes.size <= MAX_KNOWN) return;
    for (const oldest of this.#nodes.keys()) {
      this.#nodes.delete(oldest);
      return;
    }
  }
}

/** A file that was opened by a number of which the relay does not know what it stands for. */
export const UNKNOWN: TreePath = { tree: "", path: "" };

/** The frame that closes a handle; the tunnel gives it a tag. */
export function closing(handle: string): string {
  return fsRequestFrame("fs_close", 0, { h: BigInt(handle) }, {});
}

function listOf(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
