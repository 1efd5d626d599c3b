/**
 * The replies of the file protocol, as a client reads them.
 *
 * A node may be older or newer than its client, so what the client does not
 * need may be missing and what it does not know is dropped. Numbers that must
 * not lose a digit are `bigint`.
 *
 * Source: docs/protocol.md, "File protocol".
 *
 * @module
 */

import { z } from "zod";
import { isObject } from "./envelope.ts";
import { Errno, type FileAttributes, FsError, unsignedInteger } from "./fs.ts";
import type { FsFrame } from "./fs_frames.ts";
import { decodeBase64 } from "./fs_requests.ts";

const id = z.unknown().transform((given, context): bigint => {
  const value = unsignedInteger(given);
  if (value !== undefined) return value;
  context.addIssue("must be u64");
  return z.NEVER;
});

/** Times may lie before 1970. */
const integer = z.union([z.bigint(), z.int().transform(BigInt)]);
const count = z.int().nonnegative();
const total = count.default(0);

const attributes: z.ZodType<FileAttributes> = z.object({
  id,
  k: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  m: total,
  n: count.default(1),
  u: total,
  g: total,
  sz: total,
  at: integer.default(0n),
  mt: integer.default(0n),
  ct: integer.default(0n),
  gen: integer.default(0n),
  link: z.boolean().optional().catch(undefined),
});

const flag = z.boolean().default(false);

const content = z.string().transform((text, context): Uint8Array => {
  const bytes = decodeBase64(text);
  if (bytes !== undefined) return bytes;
  context.addIssue("must be base64");
  return z.NEVER;
});

/** What each operation answers. */
export const fsReplies = {
  hello: z.object({
    node: z.object({ name: z.string(), os: z.string().default(""), ver: z.string().default("") }),
    caps: z.object({
      symlink: flag,
      xattr: flag,
      locks: flag,
      readlink: flag,
      setattr: flag,
      case_sensitive: z.boolean().default(true),
      max_read: count.min(1),
      max_write: count.min(1),
    }),
  }),
  exports: z.object({
    exports: z.array(z.object({
      name: z.string(),
      root: id,
      ro: flag,
      desc: z.string().default(""),
      source_kind: z.string().default(""),
      source_id: z.string().default(""),
      caps: z.object({
        native_watch: flag,
        case_sensitive: z.boolean().default(true),
        symlink: flag,
        xattr: flag,
        locks: flag,
        statfs: flag,
        readlink: flag,
        setattr: flag,
      }).prefault({}),
    })),
  }),
  lookup: z.object({ attr: attributes }),
  walk: z.object({ attrs: z.array(attributes) }),
  getattr: z.object({ attr: attributes }),
  readdirp: z.object({
    ents: z.array(z.object({ name: z.string(), attr: attributes })),
    next: count,
    eof: z.boolean(),
  }),
  open: z.object({ h: id }),
  create: z.object({ attr: attributes, h: id }),
  read: z.object({ data_b64: content, eof: z.boolean() }),
  /** `call_id` and `state` are there when the write was an invoke. */
  write: z.object({ n: count, call_id: z.string().max(256).optional(), state: z.string().optional() }),
  done: z.object({}),
  readlink: z.object({ target: z.string() }),
  getxattr: z.object({ value_b64: content }),
  listxattr: z.object({ names: z.array(z.string()) }),
  statfs: z.object({
    bsize: total,
    frsize: total,
    blocks: total,
    bfree: total,
    bavail: total,
    files: total,
    ffree: total,
    favail: total,
    namemax: count.default(255),
  }),
} as const;

/**
 * Refuses a reply about more bytes than the request: whoever asked may have no room for them.
 *
 * @throws {FsError} `EIO InvalidReply`.
 */
export function requireAtMost(told: number, asked: number, operation: "read" | "write"): void {
  if (told > asked) {
    throw new FsError(Errno.EIO, `InvalidReply: ${operation} told of ${told} bytes instead of ${asked}`);
  }
}

/** News that nobody asked for: a file changed, or the children of a directory. */
export type FsNews =
  | { readonly node: bigint; readonly what: "attr" | "data" | "all" }
  | { readonly directory: bigint };

const news = z.union([
  z.object({ node: id, what: z.enum(["attr", "data", "all"]) }),
  z.object({ dir: id }).transform(({ dir }) => ({ directory: dir })),
]);

/** Reads a frame of news; undefined for any other frame. */
export function parseFsNews(frame: FsFrame): FsNews | undefined {
  if (!frame.type.startsWith("acheron.e_fs_")) return undefined;
  return news.safeParse(frame.payload).data;
}

/**
 * Reads the payload of a reply with one of {@linkcode fsReplies}.
 *
 * @throws {FsError} What the node refused with; `EIO` for a reply that breaks the protocol.
 */
export function parseFsReply<Reply>(frame: FsFrame, schema: z.ZodType<Reply>): Reply {
  if (frame.members["ok"] !== true) throw refusalOf(frame.members["error"]);
  const reply = schema.safeParse(frame.payload);
  if (reply.success) return reply.data;
  const issue = reply.error.issues[0];
  throw new FsError(Errno.EIO, `InvalidReply: ${frame.type} ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`);
}

/** The refusal in a frame; the reference's short names are understood too. */
function refusalOf(error: unknown): FsError {
  const { errno, no, message, msg } = isObject(error) ? error : {};
  const number = errno ?? no;
  const text = message ?? msg;
  const reason = typeof text === "string" ? text : "refused without a reason";
  const known = Object.values(Errno).find((each) => each === number);
  if (known !== undefined) return new FsError(known, reason);
  return new FsError(Errno.EIO, typeof number === "number" ? `${reason} (error number ${number})` : reason);
}
