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
}
