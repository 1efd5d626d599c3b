/**
 * The files of nodes that fids hold open: at most one handle to read and one to
 * write for each, opened when they are needed.
 *
 * @module
 */

import { Errno, FsError } from "../protocol/fs.ts";
import type { Fid } from "./fids.ts";
import type { NodeFile, NodeFiles, NodeHandle } from "./node_files.ts";

/** What a handle is for. */
export type Use = "read" | "write";

/** The open files of a connection's fids. */
export class HeldFiles {
  readonly #files: NodeFiles;

  constructor(files: NodeFiles) {
    this.#files = files;
  }

  /**
   * Does something with the handle of a fid. One that is not that of the file any more is opened anew.
   *
   * @param mayOpenAnew False for what only goes on from what went through the handle before.
   * @throws {FsError} `EBADF` then.
   */
  async use<T>(
    fid: Fid,
    file: NodeFile,
    use: Use,
    action: (handle: NodeHandle) => Promise<T>,
    mayOpenAnew = true,
  ): Promise<T> {
    const handle = await this.open(fid, file, use);
    // Another node or another tree may stand at the path by now, or the node has come back.
    if (this.#files.isFor(handle, file)) {
      try {
        return await action(handle);
      } catch (error) {
        // The node has closed it, with the tree that it was in.
        if (!(error instanceof FsError) || error.errno !== Errno.EBADF || !mayOpenAnew) throw error;
      }
    } else if (!mayOpenAnew) {
      throw new FsError(
        Errno.EBADF,
        "unknown handle: the file was closed meanwhile, write it again from its beginning",
      );
    }
    void this.letGo(fid, use).catch(() => {});
    // What stands at the path by now is what is opened.
    fid.position = undefined;
    return await action(await this.open(fid, file, use));
  }

  /** Opens the file of a fid, unless it is open. */
  open(fid: Fid, file: NodeFile, use: Use): Promise<NodeHandle> {
    const key = keyOf(use);
    const held = fid[key];
    if (held !== undefined) return held;
    const opening = this.#files.open(file, fid, use === "write" && fid.isAppending ? "append" : use);
    fid[key] = opening;
    opening.catch(() => {
      if (fid[key] === opening) fid[key] = undefined;
    });
    return opening;
  }

  /**
   * Closes a handle of a fid; resolves when the node has, and at once for one that was only read.
   *
   * @throws {FsError} What the node says of what was written.
   */
  async letGo(fid: Fid, use: Use): Promise<void> {
    const key = keyOf(use);
    const held = fid[key];
    fid[key] = undefined;
    const handle = await held?.catch(() => undefined);
    if (handle === undefined) return;
    const closed = this.#files.close(handle);
    if (use === "write") await closed;
    else closed.catch(() => {});
  }
}

function keyOf(use: Use): "readHandle" | "writeHandle" {
  return use === "read" ? "readHandle" : "writeHandle";
}
