/**
 * Requests of the file protocol as the relay reads them: what is done, with
 * which numbers and names. The rest is the node's business.
 *
 * @module
 */

import { isObject } from "../protocol/envelope.ts";
import { ZssError } from "../protocol/errors.ts";
import { Errno, FsError } from "../protocol/fs.ts";
import { type FsAsker, type FsFrame, parseFsFrame } from "../protocol/fs_frames.ts";
import { findMember, parseJson, stringifyJson } from "../protocol/json.ts";
import type { PathAct } from "../policy/node_path.ts";

/** A request as the relay sees it. */
export interface ClientRequest {
  /** Name of the operation, for example `fs_read`. */
  readonly op: string;
  readonly tag: number;
  /** The frame to send on. */
  readonly text: string;
  /** Id of the file, as digits. */
  readonly node: string | undefined;
  readonly handle: string | undefined;
  /** Of `fs_open`: 0 to read. */
  readonly flags: number;
  /** Names of children: one, or of `fs_rename` the old and the new one. */
  readonly names: readonly string[];
  /** Of `fs_rename`: ids of the old and the new directory. */
  readonly parents: readonly (string | undefined)[];
}

/** What an operation is about, and what it does with it. */
export interface Operation {
  /** `child`: a name in the directory `node`. `parents`: a name in each of two directories. */
  readonly on: "node" | "child" | "handle" | "parents" | "none";
  readonly act: PathAct;
  /** Whether its reply holds a handle. */
  readonly opens?: true;
  /** Whether its reply holds numbers. `many`: to read them takes long, so it is done only where it must. */
  readonly learns?: "always" | "many";
}

const byName: Readonly<Record<string, Operation>> = {
  fs_hello: { on: "none", act: "read" },
  fs_exports: { on: "none", act: "read", learns: "always" },
  fs_lookup: { on: "child", act: "read", learns: "always" },
  fs_getattr: { on: "node", act: "read" },
  fs_readdirp: { on: "node", act: "read", learns: "many" },
  fs_statfs: { on: "node", act: "read" },
  fs_readlink: { on: "child", act: "read" },
  fs_getxattr: { on: "node", act: "read" },
  fs_listxattr: { on: "node", act: "read" },
  fs_open: { on: "node", act: "read", opens: true, learns: "always" },
  fs_read: { on: "handle", act: "read" },
  fs_lock: { on: "handle", act: "read" },
  fs_close: { on: "handle", act: "read", learns: "always" },
  fs_write: { on: "handle", act: "write" },
  fs_truncate: { on: "node", act: "write" },
  fs_setattr: { on: "node", act: "write" },
  fs_setxattr: { on: "node", act: "write" },
  fs_removexattr: { on: "node", act: "write" },
  fs_create: { on: "child", act: "write", opens: true, learns: "always" },
  fs_mkdir: { on: "child", act: "write", learns: "always" },
  fs_symlink: { on: "child", act: "write", learns: "always" },
  fs_unlink: { on: "child", act: "write" },
  fs_rmdir: { on: "child", act: "write" },
  fs_rename: { on: "parents", act: "write" },
};

/** The operations of the file protocol by their names. */
export const operations: Readonly<Record<string, Operation | undefined>> = Object.assign(Object.create(null), byName);

/** Operations of the server with its nodes: what a node is told of its tunnel, and how the tree finds a file. */
export const serverOperations: ReadonlySet<string> = new Set(["fs_subscribe", "fs_walk"]);

const PREFIX = "acheron.t_";
/** Frames up to this size are parsed whole for everybody: what the node could not read is answered here and at once. */
const WHOLE_CHARS = 65_536;
/** Entries of a directory that a client gets at a time which may not have everything: each is read here. */
const STRICT_PAGE = 256;
/** Members of a hello that are not the node's business. */
const OWN_MEMBERS = ["auth_token", "project_id", "project_token", "agent_id"] as const;

/**
 * Reads a request.
 *
 * @param asker For whom the node is asked, when not for one who may use all of it. The frame is written anew then,
 * whatever its size, so that the node cannot read it another way than the relay does.
 * @throws {FsError} `EINVAL`.
 */
export function readRequest(text: string, asker: FsAsker | undefined): ClientRequest {
  const isStrict = asker !== undefined;
  if (!isStrict && text.length > WHOLE_CHARS) {
    const request = readOutside(text);
    if (request !== undefined) return request;
  }
  const frame = parseFsFrame(text);
  const op = frame.type.startsWith(PREFIX) ? frame.type.slice(PREFIX.length) : "";
  if (operations[op] === undefined && (isStrict || serverOperations.has(op))) {
    throw new FsError(Errno.EINVAL, `UnsupportedType: "${frame.type.slice(0, 64)}" is no request of the file protocol`);
  }
  const payload = isObject(frame.payload) ? frame.payload : {};
  return {
    op,
    tag: requireTag(frame),
    text: textFor(frame, text, op, asker),
    node: idOf(frame.members["node"]),
    handle: idOf(frame.members["h"]),
    flags: typeof payload["flags"] === "number" ? payload["flags"] : payload["flags"] === undefined ? 0 : 2,
    names: namesOf(op, payload, isStrict),
    parents: op === "fs_rename" ? [idOf(payload["old_parent"]), idOf(payload["new_parent"])] : [],
  };
}

/** The tag of a request. @throws {FsError} `EINVAL` when it has none. */
export function requireTag(frame: FsFrame): number {
  if (frame.tag === undefined) throw new FsError(Errno.EINVAL, "MissingField: tag");
  return frame.tag;
}

/** The tag of a frame that could not be read, if there is one to be found. */
export function tagOf(text: string): number | undefined {
  const place = findMember(text, "tag");
  const tag = place === undefined ? NaN : Number(text.slice(place.start, place.end));
  return isTag(tag) ? tag : undefined;
}

/** A hello without what proves the client and what it sees. */
export function forTheNode({ members }: FsFrame): string {
  const payload = isObject(members["payload"]) ? { ...members["payload"] } : members["payload"];
  if (isObject(payload)) { for (const name of OWN_MEMBERS) delete payload[name]; }
  return stringifyJson({ ...members, payload });
}

/** A number of the wire as a key, however large it is. */
export function idOf(value: unknown): string | undefined {
  const isNumber = typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value));
  return isNumber && value >= 0 ? String(value) : undefined;
}

/** Only the outside of a large frame; `undefined` when what is needed does not stand there as one writes it. */
function readOutside(text: string): ClientRequest | undefined {
  const member = (name: string): unknown => {
    const place = findMember(text, name);
    if (place === undefined) return undefined;
    try {
      return parseJson(text.slice(place.start, place.end), { bigIntegers: true });
    } catch (error) {
      if (error instanceof ZssError) return undefined;
      throw error;
    }
  };
  const [type, tag] = [member("type"), member("tag")];
  const handle = idOf(member("h"));
  // Nothing else is that large and comes in numbers.
  if (type !== `${PREFIX}fs_write` || !isTag(tag) || handle === undefined) return undefined;
  return { op: "fs_write", tag, text, node: undefined, handle, flags: 0, names: [], parents: [] };
}

function textFor(frame: FsFrame, text: string, op: string, asker: FsAsker | undefined): string {
  if (op === "fs_hello") return forTheNode(frame);
  // A tag that is not where the tunnel looks for it could be taken for somebody else's.
  if (asker === undefined) return findMember(text, "tag") === undefined ? stringifyJson(frame.members) : text;
  const { payload } = frame;
  const members = { ...frame.members, as: asker };
  if (op !== "fs_readdirp" || !isObject(payload)) return stringifyJson(members);
  const max = payload["max"];
  const isLarge = max !== undefined && (typeof max === "bigint" || Number(max) > STRICT_PAGE);
  return stringifyJson(isLarge ? { ...members, payload: { ...payload, max: STRICT_PAGE } } : members);
}

function namesOf(op: string, payload: Readonly<Record<string, unknown>>, isStrict: boolean): string[] {
  const on = operations[op]?.on;
  const wanted = on === "child" ? ["name"] : on === "parents" ? ["old_name", "new_name"] : [];
  return wanted.map((member) => {
    const name = payload[member];
    if (typeof name === "string") return name;
    // The node would refuse it in its own words; the relay must not guess what it means.
    if (isStrict) throw new FsError(Errno.EINVAL, `${op.slice(3).toUpperCase()} requires a.${member}`);
    return "";
  });
}

function isTag(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
}
