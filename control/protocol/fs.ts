/**
 * The words of the node file protocol, `unified-v2-fs` proto 2.
 *
 * Requests and replies are JSON text frames on the acheron channel; every
 * reply carries the `tag` of its request. Node ids, generations and times are
 * integers that may exceed 2^53, so they are `bigint` here and plain integers
 * on the wire (see `json.ts`, option `bigIntegers`).
 *
 * Source: docs/protocol.md, "File protocol".
 *
 * @module
 */

import { utf8Length } from "./ids.ts";

/** Error numbers of the protocol: those of Linux, on every platform. */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  EACCES: 13,
  EEXIST: 17,
  EXDEV: 18,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENOSPC: 28,
  EROFS: 30,
  ERANGE: 34,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ENODATA: 61,
  ETIMEDOUT: 110,
} as const;

/** One of the error numbers of the protocol. */
export type Errno = typeof Errno[keyof typeof Errno];

const CODES: Readonly<Record<Errno, string>> = {
  [Errno.EPERM]: "eperm",
  [Errno.ENOENT]: "enoent",
  [Errno.EIO]: "eio",
  [Errno.EBADF]: "ebadf",
  [Errno.EAGAIN]: "eagain",
  [Errno.EACCES]: "eperm",
  [Errno.EEXIST]: "eexist",
  [Errno.EXDEV]: "exdev",
  [Errno.ENOTDIR]: "enotdir",
  [Errno.EISDIR]: "eisdir",
  [Errno.EINVAL]: "invalid",
  [Errno.ENOSPC]: "enospc",
  [Errno.EROFS]: "eperm",
  [Errno.ERANGE]: "erange",
  [Errno.ENOSYS]: "unsupported",
  [Errno.ENOTEMPTY]: "enotempty",
  [Errno.ENODATA]: "enodata",
  [Errno.ETIMEDOUT]: "etimedout",
};

/** The code of a `ZssError` that says what an error number says. */
export function codeOfErrno(errno: Errno): string {
  return CODES[errno];
}

/** A file operation that was refused; becomes an `acheron.err_fs` frame. */
export class FsError extends Error {
  override readonly name = "FsError";
  readonly errno: Errno;

  /** @param message Begins with the reference's wording, since clients match on it. */
  constructor(errno: Errno, message: string, options?: ErrorOptions) {
    super(message, options);
    this.errno = errno;
  }
}

/** Whether a request did not reach the node, or its answer did not come back: the connection to the node is gone. */
export function isTunnelGone({ errno, message }: FsError): boolean {
  return errno === Errno.EIO && /tunnel/i.test(message);
}

/** What to do then. A list may say online for as long as the server waits for the node to come back. */
export const TUNNEL_HINT =
  "the node is not connected now; where zss node list still says online, it was until a moment ago and may come back: try again";

/** Kind of a file: 1 file, 2 directory, 3 symbolic link. */
export type FileKind = 1 | 2 | 3;

/** Attributes of a file, in wire form. */
export interface FileAttributes {
  readonly id: bigint;
  /** Kind. */
  readonly k: FileKind;
  /** Mode bits, type included, for example 0o100644. */
  readonly m: number;
  /** Number of links: 1 for a file, 2 for a directory. */
  readonly n: number;
  readonly u: number;
  readonly g: number;
  /** Size in bytes; 0 for a directory of a service. */
  readonly sz: number;
  /** Times of access, modification and change, in nanoseconds since the Unix epoch; 0 where there are none. */
  readonly at: bigint;
  readonly mt: bigint;
  readonly ct: bigint;
  /** Grows with every change of content. */
  readonly gen: bigint;
  /** Whether the name that led here is a symbolic link; only `lookup` and `readdirp` know the name. */
  readonly link?: boolean | undefined;
}

/** Most bytes in one read or write, decoded. */
export const MAX_TRANSFER_BYTES = 1_048_576;

/** Beside flag 1 of `open`: what is written goes to the end of the file, wherever that is by then. As on Linux. */
export const OPEN_APPEND = 0o2000;

/** What the name of the tree of a service begins with; the id of the service follows. */
export const SERVICE_TREE = "svc-";

/** What ids of terminal services begin with; the tree of one is named as it is. */
export const TERMINAL_TREE = "terminal-";

/** Name of the tree of a service. */
export function treeOfService(service_id: string): string {
  return service_id.startsWith(TERMINAL_TREE) ? service_id : `${SERVICE_TREE}${service_id}`;
}

/** Id of the service whose tree has this name; undefined for the name of a folder. */
export function serviceOfTree(tree: string): string | undefined {
  if (tree.startsWith(TERMINAL_TREE)) return tree;
  return tree.startsWith(SERVICE_TREE) ? tree.slice(SERVICE_TREE.length) : undefined;
}

/** Where a service is invoked within its tree, if its manifest says nothing else. */
export const DEFAULT_INVOKE_PATH = "control/invoke.json";

/** Most bytes in the name of a file, in UTF-8. */
export const MAX_NAME_BYTES = 255;

/**
 * Says what is wrong with the name of a child of a directory.
 *
 * A name is one step of a path: it is never split or decoded, so `%2e%2e` is an
 * ordinary name. What only some systems cannot store is the business of the tree.
 *
 * @returns The wording of the protocol, or undefined for a good name.
 */
export function childNameProblem(name: string): string | undefined {
  if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name)) return "invalid child name";
  if (!name.isWellFormed()) return "invalid utf8";
  return utf8Length(name) > MAX_NAME_BYTES ? "name too long" : undefined;
}

/**
 * Whether Windows finds a file of its own under a name that is one step of a path.
 *
 * It opens a device for `CON`, a stream for `a:b`, and `a` for `a.`.
 */
export function isNameOnWindows(name: string): boolean {
  return !(FORBIDDEN_ON_WINDOWS.test(name) || DEVICES.test(name));
}

/** Devices that Windows finds in every folder, with any ending and with spaces before it. */
const DEVICES = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\.|:|$)/i;

// deno-lint-ignore no-control-regex
const FORBIDDEN_ON_WINDOWS = /[\x00-\x1f<>:"|?*\\/]|[. ]$/;

/**
 * A place in the file protocol where the reference counts with 64 bits.
 *
 * @returns Undefined for anything but an integer from 0 to 2^63-1, the range that the reference accepts.
 */
export function unsignedInteger(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value >= 0n && value <= MAX_INTEGER ? value : undefined;
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : undefined;
}

const MAX_INTEGER = (1n << 63n) - 1n;
