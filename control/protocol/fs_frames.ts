/**
 * The outside of the frames of the file protocol, and the hello that opens it.
 *
 * @module
 */

import { z } from "zod";
import { FS_PROTO, FS_PROTOCOL, isObject } from "./envelope.ts";
import { Errno, FsError } from "./fs.ts";
import { parseJson, plainJson, stringifyJson } from "./json.ts";
import { ZssError } from "./errors.ts";

/** The outside of a request or reply. */
export interface FsFrame {
  readonly type: string;
  readonly tag: number | undefined;
  /** The whole frame, for what stands beside the payload (`node`, `h`). */
  readonly members: Readonly<Record<string, unknown>>;
  readonly payload: unknown;
}

/**
 * Reads the outside of a frame.
 *
 * @throws {FsError} `EINVAL` with the reference's word first: `InvalidEnvelope`,
 * `MissingField`, `InvalidType`, `UnsupportedType`.
 */
export function parseFsFrame(text: string): FsFrame {
  let members: unknown;
  try {
    members = parseJson(text, { bigIntegers: true });
  } catch (error) {
    if (error instanceof ZssError) {
      throw new FsError(Errno.EINVAL, `InvalidEnvelope: ${error.message}`, { cause: error });
    }
    throw error;
  }
  if (!isObject(members)) throw new FsError(Errno.EINVAL, "InvalidEnvelope: a frame must be a JSON object");
  const { channel, type, tag } = members;
  if (channel === undefined) throw new FsError(Errno.EINVAL, "MissingField: channel");
  if (type === undefined) throw new FsError(Errno.EINVAL, "MissingField: type");
  if (typeof channel !== "string") throw new FsError(Errno.EINVAL, "InvalidType: channel must be a string");
  if (typeof type !== "string") throw new FsError(Errno.EINVAL, "InvalidType: type must be a string");
  if (channel !== "acheron" || !type.startsWith("acheron.")) {
    throw new FsError(Errno.EINVAL, `UnsupportedType: "${type.slice(0, 64)}" is not of channel acheron`);
  }
  if (tag !== undefined && !isTag(tag)) throw new FsError(Errno.EINVAL, "InvalidType: tag must be u32");
  return {
    type,
    tag: isTag(tag) ? tag : undefined,
    members,
    payload: members["payload"] === undefined ? {} : members["payload"],
  };
}

function isTag(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
}

/** Text of a reply; `operation` is for example `fs_read`. */
export function fsReplyFrame(operation: string, tag: number | undefined, payload: unknown): string {
  const head = `{"channel":"acheron","type":"acheron.r_${operation}","tag":${tag ?? 0},"ok":true`;
  return payload === undefined ? `${head}}` : `${head},"payload":${plainJson(payload)}}`;
}

/** Text of a request; `members` holds `node` and `h` where the operation takes them. */
export function fsRequestFrame(operation: string, tag: number, members: object, payload: unknown): string {
  return plainJson({ channel: "acheron", type: `acheron.t_${operation}`, tag, ...members, payload });
}

/** Text of a refusal. */
export function fsErrorFrame(tag: number | undefined, error: FsError): string {
  return stringifyJson({
    channel: "acheron",
    type: "acheron.err_fs",
    ...(tag === undefined ? {} : { tag }),
    ok: false,
    error: { errno: error.errno, message: error.message },
  });
}

/** Text of the news that a file changed: its attributes, its content, or both. */
export function fsInvalidationFrame(node: bigint, what: "attr" | "data" | "all", generation?: bigint): string {
  const gen = generation === undefined ? {} : { gen: generation };
  return plainJson({ channel: "acheron", type: "acheron.e_fs_inval", payload: { node, what, ...gen } });
}

/** Text of the news that the children of a directory changed. */
export function fsDirectoryInvalidationFrame(directory: bigint): string {
  return plainJson({ channel: "acheron", type: "acheron.e_fs_inval_dir", payload: { dir: directory } });
}

const askerSchema = z.object({
  role: z.enum(["admin", "user", "operator"]),
  token: z.enum(["none", "right", "wrong"]),
});

/**
 * For whom a server asks a node: the role of the token, and what was given of the token of the project.
 *
 * Only a server says so, beside the payload as `as`; without it the node is asked by one who may use all of it.
 */
export type FsAsker = z.output<typeof askerSchema>;

/** For whom a request is. @throws {FsError} `EINVAL` when that cannot be read. */
export function parseFsAsker({ members }: Pick<FsFrame, "members">): FsAsker | undefined {
  if (members["as"] === undefined) return undefined;
  const asker = askerSchema.safeParse(members["as"]);
  if (!asker.success) throw new FsError(Errno.EINVAL, "InvalidType: as must name a role and what was given of a token");
  return asker.data;
}

const helloSchema = z.looseObject({
  node_id: z.string().optional(),
  node_secret: z.string().optional(),
  auth_token: z.string().optional(),
  /** Of a client that is no admin: the project from within which it looks, and as which agent. */
  project_id: z.string().optional(),
  project_token: z.string().optional(),
  agent_id: z.string().optional(),
  subscribe_invalidations: z.boolean().default(false),
  /** Of a node: whether it understands `t_fs_subscribe`, and can be told that nobody wants its news. */
  news_on_demand: z.boolean().default(false),
  /** Of a node: whether it understands `t_fs_walk`. */
  walk: z.boolean().default(false),
});

/** What a hello asks for. */
export type FsHello = z.output<typeof helloSchema>;

/**
 * Reads the payload of `t_fs_hello`.
 *
 * @throws {FsError} `EINVAL`: `MissingField`, `InvalidType` or `ProtocolMismatch`.
 */
export function parseFsHello(payload: unknown): FsHello {
  if (!isObject(payload)) throw new FsError(Errno.EINVAL, "InvalidPayload: hello needs an object");
  const { protocol, proto } = payload;
  if (protocol === undefined || proto === undefined) {
    throw new FsError(Errno.EINVAL, `MissingField: ${protocol === undefined ? "protocol" : "proto"}`);
  }
  if (typeof protocol !== "string" || typeof proto !== "number") {
    throw new FsError(Errno.EINVAL, "InvalidType: protocol must be a string and proto a number");
  }
  if (protocol !== FS_PROTOCOL || proto !== FS_PROTO) {
    throw new FsError(
      Errno.EINVAL,
      `ProtocolMismatch: "${protocol}" proto ${proto} found, "${FS_PROTOCOL}" proto ${FS_PROTO} wanted`,
    );
  }
  const hello = helloSchema.safeParse(payload);
  if (!hello.success) throw new FsError(Errno.EINVAL, `InvalidType: ${hello.error.issues[0]?.path.join(".")}`);
  return hello.data;
}
