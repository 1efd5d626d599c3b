/**
 * Which files a client of the relay talks about.
 *
 * The file protocol names files by numbers that the node gives out. The relay
 * reads along: from the list of exports, lookups and listings it knows which
 * path a number stands for, from opens which file a handle is. A number that the
 * client was never given stands for nothing.
 *
 * @module
 */

import { isObject } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { Errno, FsError, SERVICE_TREE } from "../protocol/fs.ts";
import { type FsFrame, fsRequestFrame, parseFsFrame } from "../protocol/fs_frames.ts";
import { findMember, parseJson, stringifyJson } from "../protocol/json.ts";
import type { PathAct } from "../policy/node_path.ts";

/** A file in one of the trees of a node. */
export interface TreePath {
  readonly tree: string;
  /** Path within the tree, joined by slashes; empty for its root. */
  readonly path: string;
}

/** What a request does with a file. */
export interface Touch extends TreePath {
  readonly act: PathAct;
}

/** A request as the relay sees it. */
export interface ClientRequest {
  readonly op: string;
  readonly tag: number;
  /** The frame to send on. */
  readonly text: string;
  readonly node: string | undefined;
  readonly handle: string | undefined;
  /** `undefined` for a large frame, of which only the outside was read. */
  readonly payload: Readonly<Record<string, unknown>> | undefined;
}

const PREFIX = "acheron.t_";
/** Frames up to this size are parsed whole for everybody: what the node could not read is answered here and at once. */
const WHOLE_CHARS = 65_536;
/** So many files of one client are known at a time; a client that walks further looks the oldest up again. */
const MAX_KNOWN = 262_144;

/** What each operation does, with what. */
const operations: Readonly<
  Record<string, { readonly on: "node" | "child" | "handle" | "none"; readonly act: PathAct }>
> = {
  fs_hello: { on: "none", act: "read" },
  fs_exports: { on: "none", act: "read" },
  fs_lookup: { on: "child", act: "read" },
  fs_getattr: { on: "node", act: "read" },
  fs_readdirp: { on: "node", act: "read" },
  fs_statfs: { on: "node", act: "read" },
  fs_readlink: { on: "node", act: "read" },
  fs_getxattr: { on: "node", act: "read" },
  fs_listxattr: { on: "node", act: "read" },
  fs_open: { on: "node", act: "read" },
  fs_read: { on: "handle", act: "read" },
  fs_lock: { on: "handle", act: "read" },
  fs_close: { on: "handle", act: "read" },
  fs_write: { on: "handle", act: "write" },
  fs_truncate: { on: "node", act: "write" },
  fs_setattr: { on: "node", act: "write" },
  fs_setxattr: { on: "node", act: "write" },
  fs_removexattr: { on: "node", act: "write" },
  fs_create: { on: "child", act: "write" },
  fs_mkdir: { on: "child", act: "write" },
  fs_symlink: { on: "child", act: "write" },
  fs_unlink: { on: "child", act: "write" },
  fs_rmdir: { on: "child", act: "write" },
  fs_rename: { on: "none", act: "write" },
};

/**
 * Reads a request.
 *
 * @param isStrict Whether the frame is parsed and written anew whatever its size, so that the node cannot read it
 * another way than the relay does.
 * @throws {FsError} `EINVAL`.
 */
export function readRequest(text: string, isStrict: boolean): ClientRequest {
  if (!isStrict && text.length > WHOLE_CHARS) return readOutside(text);
  const frame = parseFsFrame(text);
  return {
    op: operationOf(frame.type, isStrict),
    tag: requireTag(frame),
    // A tag that is not where the tunnel looks for it could be taken for somebody else's.
    text: isStrict || findMember(text, "tag") === undefined ? stringifyJson(frame.members) : text,
    node: idOf(frame.members["node"]),
    handle: idOf(frame.members["h"]),
    payload: isObject(frame.payload) ? frame.payload : {},
  };
}

/** The tag of a request. @throws {FsError} `EINVAL` when it has none. */
export function requireTag(frame: FsFrame): number {
  if (frame.tag === undefined) throw new FsError(Errno.EINVAL, "MissingField: tag");
  return frame.tag;
}

function readOutside(text: string): ClientRequest {
  const member = (name: string): unknown => {
    const place = findMember(text, name);
    if (place === undefined) return undefined;
    try {
      return parseJson(text.slice(place.start, place.end), { bigIntegers: true });
    } catch (error) {
      if (!(error instanceof ZssError)) throw error;
      throw new FsError(Errno.EINVAL, `InvalidEnvelope: ${name}: ${error.message}`, { cause: error });
    }
  };
  const tag = member("tag");
  if (typeof tag !== "number" || !Number.isInteger(tag) || tag < 0 || tag > 0xffff_ffff) {
    throw new FsError(Errno.EINVAL, "InvalidType: tag must be u32");
  }
  return {
    op: operationOf(String(member("type")), false),
    tag,
    text,
    node: idOf(member("node")),
    handle: idOf(member("h")),
    payload: undefined,
  };
}

function operationOf(type: string, isStrict: boolean): string {
  const op = type.startsWith(PREFIX) ? type.slice(PREFIX.length) : "";
  if (isStrict && !Object.hasOwn(operations, op)) {
    throw new FsError(Errno.EINVAL, `UnsupportedType: "${type.slice(0, 64)}" is no request of the file protocol`);
  }
  return op;
}

/** The files that a client knows. */
export class ClientFiles {
  readonly #isStrict: boolean;
  readonly #nodes = new Map<string, TreePath>();
  readonly #handles = new Map<string, TreePath>();

  /** @param isStrict Whether every file must be known; else only those of services and open handles are kept. */
  constructor(isStrict: boolean) {
    this.#isStrict = isStrict;
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
   * @throws {FsError} `ENOENT` or `EBADF` for a number that the client was not given.
   */
  touches(request: ClientRequest): Touch[] {
    const operation = Object.hasOwn(operations, request.op) ? operations[request.op] : undefined;
    if (operation === undefined) return [];
    const { on, act } = operation;
    if (request.op === "fs_rename") return this.#renamed(request);
    if (on === "none") return [];
    if (on === "handle") {
      const place = this.#known(this.#handles, request.handle, Errno.EBADF, "unknown handle");
      return place === undefined ? [] : [{ ...place, act }];
    }
    const place = this.#known(this.#nodes, request.node, Errno.ENOENT, "file not found");
    if (place === undefined) return [];
    if (on === "child") return [{ ...childOf(place, request.payload?.["name"]), act }];
    if (request.op !== "fs_open") return [{ ...place, act }];
    const flags = request.payload?.["flags"] ?? 0;
    return flags === 0 ? [{ ...place, act }] : [{ ...place, act: "write" }];
  }

  /** Reads the reply to a request for numbers that the client now knows. */
  learn(request: ClientRequest, reply: FsFrame): void {
    const payload = reply.payload;
    if (reply.members["ok"] !== true || !isObject(payload)) return;
    const { attr, ents, exports, h } = payload;
    if (request.op === "fs_close" && request.handle !== undefined) this.#handles.delete(request.handle);
    if (request.op === "fs_exports") {
      for (const { name, root } of listOf(exports)) this.#note(idOf(root), { tree: String(name), path: "" });
      return;
    }
    const at = request.node === undefined ? undefined : this.#nodes.get(request.node);
    if (at === undefined && this.#isStrict) return;
    const here = at ?? { tree: "", path: "" };
    const isNamed = operations[request.op]?.on === "child";
    const place = isNamed ? childOf(here, request.payload?.["name"]) : here;
    const handle = idOf(h);
    if (handle !== undefined) this.#handles.set(handle, place);
    if (at === undefined) return;
    if (isNamed && isObject(attr)) this.#note(idOf(attr["id"]), place);
    for (const { name, attr: entry } of listOf(ents)) {
      if (name === "." || name === ".." || !isObject(entry)) continue;
      this.#note(idOf(entry["id"]), childOf(at, name));
    }
  }

  /** Whether the reply to a request says anything that must be learned. */
  matters({ op, node, payload }: ClientRequest): boolean {
    switch (op) {
      case "fs_exports":
      case "fs_open":
      case "fs_create":
      case "fs_close":
        return true;
      case "fs_lookup":
      case "fs_readdirp":
      case "fs_mkdir":
      case "fs_symlink":
        return this.#isStrict || (node !== undefined && payload !== undefined && this.#nodes.has(node));
      default:
        return false;
    }
  }

  #renamed({ payload = {} }: ClientRequest): Touch[] {
    return (["old", "new"] as const).flatMap((which): Touch[] => {
      const parent = this.#known(this.#nodes, idOf(payload[`${which}_parent`]), Errno.ENOENT, "file not found");
      return parent === undefined ? [] : [{ ...childOf(parent, payload[`${which}_name`]), act: "write" }];
    });
  }

  #known(
    table: ReadonlyMap<string, TreePath>,
    key: string | undefined,
    errno: Errno,
    message: string,
  ): TreePath | undefined {
    const place = key === undefined ? undefined : table.get(key);
    if (place === undefined && this.#isStrict) throw new FsError(errno, message);
    return place;
  }

  #note(key: string | undefined, place: TreePath): void {
    if (key === undefined || (!this.#isStrict && !place.tree.startsWith(SERVICE_TREE))) return;
    this.#nodes.delete(key);
    this.#nodes.set(key, place);
    if (this.#nodes.size <= MAX_KNOWN) return;
    for (const oldest of this.#nodes.keys()) {
      this.#nodes.delete(oldest);
      return;
    }
  }
}

/** The frame that closes a handle; the tunnel gives it a tag. */
export function closing(handle: string): string {
  return fsRequestFrame("fs_close", 0, { h: BigInt(handle) }, {});
}

function childOf({ tree, path }: TreePath, name: unknown): TreePath {
  return { tree, path: path === "" ? String(name) : `${path}/${String(name)}` };
}

/** A number of the wire as a key, however large it is. */
function idOf(value: unknown): string | undefined {
  return typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value))
    ? String(value)
    : undefined;
}

function listOf(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
