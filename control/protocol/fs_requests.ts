/**
 * The requests of the file protocol, one schema per operation.
 *
 * A request is read in two steps: `parseFsFrame` (fs_frames.ts) takes the frame
 * apart, {@linkcode parseFsRequest} gives it a type. After that nothing is
 * unknown any more; `data_b64` has become bytes.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseFsFrame } from "./fs_frames.ts";
 * import { parseFsRequest } from "./fs_requests.ts";
 *
 * const frame = parseFsFrame('{"channel":"acheron","type":"acheron.t_fs_lookup","tag":7,"node":1,"payload":{"name":"a"}}');
 * assert.deepEqual(parseFsRequest(frame), { op: "lookup", node: 1n, payload: { name: "a" } });
 * ```
 *
 * What only some trees can do (links, attributes, locks) is refused by the others
 * before anybody looks at the arguments, so the payload of these is a function
 * that reads them.
 *
 * Source: docs/protocol.md, "File protocol"; messages are the reference's.
 *
 * @module
 */

import { z } from "zod";
import { isObject } from "./envelope.ts";
import { childNameProblem, Errno, FsError, MAX_NAME_BYTES, MAX_TRANSFER_BYTES, unsignedInteger } from "./fs.ts";
import type { FsFrame } from "./fs_frames.ts";
import { utf8Length } from "./ids.ts";

/** Bytes that a read without `len` returns at most. */
const DEFAULT_READ_BYTES = 65_536;

/** Entries of a page of a directory: unless told, and at most. */
const DEFAULT_PAGE = 128;
const MAX_PAGE = 16_384;

/** Most names in one walk. */
const MAX_WALK = 512;

const MAX_U32 = 0xffff_ffff;

/** Largest time either side of 1970 that 64 bits of nanoseconds hold. */
const MAX_TIME = (1n << 63n) - 1n;

/** Most bytes in the target of a symbolic link, and in the value of an extended attribute: those of Linux. */
const MAX_TARGET_BYTES = 4_095;
const MAX_ATTRIBUTE_BYTES = 65_536;

const LOCK_KINDS = ["shared", "exclusive", "unlock"] as const;

/** A field that `read` makes a value of, or a message. Absent, it is `fallback`, or `missing` is the message. */
function field<Value>(
  read: (value: unknown) => { readonly value: Value } | { readonly problem: string },
  absent: { readonly fallback: Value } | { readonly missing: string },
) {
  // Optional, or zod would answer for an absent field in its own words.
  return z.unknown().optional().transform((given, context): Value => {
    if (given === undefined && "fallback" in absent) return absent.fallback;
    const result = given === undefined && "missing" in absent ? { problem: absent.missing } : read(given);
    if ("value" in result) return result.value;
    context.addIssue(result.problem);
    return z.NEVER;
  });
}

/** A number of the whole range, where it stands beside the payload: `node`, `h`. */
function id(operation: string, name: "node" | "h") {
  return u64(name, `${operation.toUpperCase()} requires ${name}`);
}

function u64(name: string, missing: string) {
  return field((given) => {
    const value = unsignedInteger(given);
    return value === undefined ? { problem: `${name} must be u64` } : { value };
  }, { missing });
}

/** A position or size in a file, which is a `number` here. */
function offset(name: string) {
  return field((given) => {
    const value = unsignedInteger(given);
    if (value === undefined) return { problem: `${name} must be u64` };
    return value <= BigInt(Number.MAX_SAFE_INTEGER)
      ? { value: Number(value) }
      : { problem: `${name} must be u64 below 2^53: ${value} found` };
  }, { fallback: 0 });
}

function u32(name: string, fallback: number) {
  return field((given) => {
    const value = unsignedInteger(given);
    return value === undefined || value > MAX_U32 ? { problem: `${name} must be u32` } : { value: Number(value) };
  }, { fallback });
}

function u32OrNothing(name: string) {
  return field<number | undefined>((given) => {
    const value = unsignedInteger(given);
    return value === undefined || value > MAX_U32 ? { problem: `${name} must be u32` } : { value: Number(value) };
  }, { fallback: undefined });
}

function text(operation: string, name: string, problemOf: (text: string) => string | undefined = () => undefined) {
  return field((given) => {
    const problem = typeof given === "string" ? problemOf(given) : `${name} must be a string`;
    return problem === undefined ? { value: String(given) } : { problem };
  }, { missing: `${operation.toUpperCase()} requires a.${name}` });
}

function childName(operation: string, name = "name") {
  return text(operation, name, childNameProblem);
}

const content = field((given) => {
  if (typeof given !== "string") return { problem: "data_b64 must be a string" };
  const value = decodeBase64(given);
  if (value === undefined) return { problem: "invalid base64 payload" };
  return value.length > MAX_TRANSFER_BYTES ? { problem: "WRITE exceeds max_write" } : { value };
}, { missing: "WRITE requires a.data_b64" });

function plain<Op extends string, Payload extends z.ZodType>(op: Op, payload: Payload) {
  return z.object({ op: z.literal(op), payload });
}

function onNode<Op extends string, Payload extends z.ZodType>(op: Op, payload: Payload) {
  return z.object({ op: z.literal(op), node: id(op, "node"), payload });
}

function onHandle<Op extends string, Payload extends z.ZodType>(op: Op, payload: Payload) {
  return z.object({ op: z.literal(op), h: id(op, "h"), payload });
}

const none = z.object({});

/** Arguments that are read when the tree is known to do what they are for; the function throws an `FsError`. */
function later<Schema extends z.ZodType>(schema: Schema) {
  return z.unknown().transform((given) => (): z.output<Schema> => {
    const read = schema.safeParse(given);
    if (read.success) return read.data;
    throw new FsError(Errno.EINVAL, read.error.issues[0]?.message ?? "InvalidPayload");
  });
}

/** A time in nanoseconds since the Unix epoch; it may lie before it. */
function time(name: string) {
  return field<bigint | undefined>((given) => {
    const value = typeof given === "number" && Number.isSafeInteger(given) ? BigInt(given) : given;
    return typeof value === "bigint" && value >= -MAX_TIME && value <= MAX_TIME
      ? { value }
      : { problem: `${name} must be i64 nanoseconds` };
  }, { fallback: undefined });
}

function bytes(operation: string, name: string, limit: number) {
  return field((given) => {
    if (typeof given !== "string") return { problem: `${name} must be a string` };
    const value = decodeBase64(given);
    if (value === undefined) return { problem: "invalid base64 payload" };
    return value.length > limit ? { problem: `${name} exceeds ${limit} bytes` } : { value };
  }, { missing: `${operation.toUpperCase()} requires a.${name}` });
}

/** Name of an extended attribute. */
function attributeName(operation: string) {
  return text(operation, "name", (name) => {
    if (name === "" || name.includes("\0")) return "invalid attribute name";
    return utf8Length(name) > MAX_NAME_BYTES ? "name too long" : undefined;
  });
}

const lockKind = field((given) => {
  const value = LOCK_KINDS.find((kind) => kind === given);
  return value === undefined ? { problem: "invalid lock kind" } : { value };
}, { missing: "LOCK requires a.kind" });

const flag = (name: string, fallback: boolean) =>
  field((given) => typeof given === "boolean" ? { value: given } : { problem: `${name} must be bool` }, { fallback });

const fsRequest = z.discriminatedUnion("op", [
  // Who may say hello is settled by whoever accepts the connection, with parseFsHello.
  plain("hello", none),
  plain("exports", none),
  // Of the connection, and not of a file: who answers carries it out.
  plain("subscribe", z.object({ invalidations: flag("invalidations", true) })),
  onNode("lookup", z.object({ name: childName("lookup") })),
  // Of the server to its nodes: as many lookups, and one wait.
  onNode("walk", z.object({ names: z.array(childName("walk"), "names must be an array").min(1).max(MAX_WALK) })),
  onNode("getattr", none),
  onNode(
    "readdirp",
    z.object({
      cookie: offset("cookie"),
      max: u32("max", DEFAULT_PAGE).transform((max) => Math.min(max, MAX_PAGE)),
      /** With the links that cannot be followed. */
      links: flag("links", false),
    }),
  ),
  onNode("open", z.object({ flags: u32("flags", 0) })),
  onHandle(
    "read",
    z.object({
      off: offset("off"),
      len: u32("len", DEFAULT_READ_BYTES).transform((length) => Math.min(length, MAX_TRANSFER_BYTES)),
    }),
  ),
  onHandle("write", z.object({ off: offset("off"), data_b64: content })),
  onHandle("close", none),
  onNode("truncate", z.object({ sz: offset("sz") })),
  onNode("statfs", none),
  onNode(
    "create",
    z.object({ name: childName("create"), mode: u32("mode", 0o100644), flags: u32("flags", 2) }),
  ),
  onNode("mkdir", z.object({ name: childName("mkdir") })),
  onNode("unlink", z.object({ name: childName("unlink") })),
  onNode("rmdir", z.object({ name: childName("rmdir") })),
  plain(
    "rename",
    z.object({
      old_parent: u64("old_parent", "RENAME requires a.old_parent"),
      old_name: childName("rename", "old_name"),
      new_parent: u64("new_parent", "RENAME requires a.new_parent"),
      new_name: childName("rename", "new_name"),
    }),
  ),
  onNode(
    "symlink",
    later(z.object({
      name: childName("symlink"),
      target: text("symlink", "target", (target) => {
        if (target === "" || target.includes("\0")) return "invalid link target";
        if (!target.isWellFormed()) return "invalid utf8";
        return utf8Length(target) > MAX_TARGET_BYTES ? "name too long" : undefined;
      }),
    })),
  ),
  onNode("readlink", later(z.object({ name: childName("readlink") }))),
  onNode(
    "setattr",
    later(z.object({
      mode: u32OrNothing("mode"),
      at: time("at"),
      mt: time("mt"),
    })),
  ),
  onNode(
    "setxattr",
    later(z.object({
      name: attributeName("setxattr"),
      value_b64: bytes("setxattr", "value_b64", MAX_ATTRIBUTE_BYTES),
      flags: u32("flags", 0),
    })),
  ),
  onNode("getxattr", later(z.object({ name: attributeName("getxattr") }))),
  onNode("listxattr", none),
  onNode("removexattr", later(z.object({ name: attributeName("removexattr") }))),
  onHandle("lock", later(z.object({ kind: lockKind, wait: flag("wait", true) }))),
]);

/** How a file may be locked, or that its lock ends. */
export type LockKind = typeof LOCK_KINDS[number];

/** A request that can be carried out. */
export type FsRequest = z.output<typeof fsRequest>;

/** Name of an operation, for example `readdirp` for `acheron.t_fs_readdirp`. */
export type FsOperation = FsRequest["op"];

/** All operations. */
export const fsOperations: ReadonlySet<string> = new Set(fsRequest.options.map((option) => option.shape.op.value));

/**
 * Gives a request its type.
 *
 * @throws {FsError} `EINVAL`: `UnsupportedType` for anything that is no request of the protocol, `InvalidPayload`, or
 * what is wrong with an argument, `READ requires h` and `off must be u64` for example.
 */
export function parseFsRequest(frame: FsFrame): FsRequest {
  const op = frame.type.startsWith(REQUEST_PREFIX) ? frame.type.slice(REQUEST_PREFIX.length) : "";
  if (!fsOperations.has(op)) {
    throw new FsError(
      Errno.EINVAL,
      `UnsupportedType: "${frame.type.slice(0, 64)}" is no request of the file protocol`,
    );
  }
  if (!isObject(frame.payload)) throw new FsError(Errno.EINVAL, "InvalidPayload: payload must be an object");
  const { node, h } = frame.members;
  const request = fsRequest.safeParse({ op, node, h, payload: frame.payload });
  if (request.success) return request.data;
  throw new FsError(Errno.EINVAL, request.error.issues[0]?.message ?? "InvalidPayload");
}

const REQUEST_PREFIX = "acheron.t_fs_";

/** How many bytes standard base64 with padding stands for. */
export function decodedLength(base64: string): number {
  return base64.length / 4 * 3 - (base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0);
}

/** Standard base64 with padding and nothing else, undefined for anything that is not. */
export function decodeBase64(text: string): Uint8Array | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
    // White space is skipped by the decoder; then the lengths do not fit.
    return bytes.length === decodedLength(text) ? bytes : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
