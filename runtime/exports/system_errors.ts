/**
 * What the file system refused, in the words of the protocol.
 *
 * @module
 */

import { Errno, FsError } from "../../control/protocol/mod.ts";

const refusals: Readonly<Record<string, readonly [Errno, string]>> = {
  EACCES: [Errno.EACCES, "access denied"],
  EPERM: [Errno.EACCES, "access denied"],
  // A link stands where none may: a directory or file was replaced while it was used.
  ELOOP: [Errno.EACCES, "access denied"],
  ENOENT: [Errno.ENOENT, "file not found"],
  EEXIST: [Errno.EEXIST, "path exists"],
  ENOTDIR: [Errno.ENOTDIR, "not a directory"],
  EISDIR: [Errno.EISDIR, "is a directory"],
  ENOTEMPTY: [Errno.ENOTEMPTY, "directory not empty"],
  EROFS: [Errno.EROFS, "read-only filesystem"],
  ENODATA: [Errno.ENODATA, "no data"],
  EAGAIN: [Errno.EAGAIN, "would block"],
  EBUSY: [Errno.EAGAIN, "would block"],
  EMFILE: [Errno.EAGAIN, "would block: too many files are open"],
  ENFILE: [Errno.EAGAIN, "would block: too many files are open"],
  ENOTSUP: [Errno.ENOSYS, "operation not supported"],
  EOPNOTSUPP: [Errno.ENOSYS, "operation not supported"],
  ENOSYS: [Errno.ENOSYS, "operation not supported"],
  ERANGE: [Errno.ERANGE, "range error"],
  ENOSPC: [Errno.ENOSPC, "no space left"],
  EDQUOT: [Errno.ENOSPC, "no space left"],
  EFBIG: [Errno.ENOSPC, "no space left: the file would be larger than the file system allows"],
  E2BIG: [Errno.EINVAL, "invalid argument: too long"],
  EXDEV: [Errno.EXDEV, "cross-device move is not supported"],
  EBADF: [Errno.EBADF, "invalid handle"],
  EINVAL: [Errno.EINVAL, "invalid argument"],
  ENAMETOOLONG: [Errno.EINVAL, "name too long"],
  EILSEQ: [Errno.EINVAL, "invalid utf8"],
  ETIMEDOUT: [Errno.ETIMEDOUT, "timeout"],
};

/** Whether something thrown carries this code of the system, for example `ENOENT`. */
export function hasSystemCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === code;
}

/**
 * Runs `body` and translates what the system refused.
 *
 * An error with a code that is not in the table becomes `EIO` with that code;
 * one without a code is no refusal of the system and is thrown as it is.
 */
export async function inProtocolWords<Value>(body: () => Promise<Value>): Promise<Value> {
  try {
    return await body();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (typeof code !== "string") throw error;
    const [errno, message] = refusals[code] ?? [Errno.EIO, code];
    throw new FsError(errno, message, { cause: error });
  }
}
