/**
 * A tree of files that a node serves under one name: an exported folder or a
 * service.
 *
 * The file server speaks the wire protocol and calls these methods; a tree
 * knows nothing of frames, tags or handles. Nodes of a tree are known by their
 * id, an integer of at most 48 bits that the tree chooses and keeps for as long
 * as the file exists; the server puts the number of the export above it.
 *
 * Every method may be called while others are under way. A method that refuses
 * throws an `FsError`; an id that the tree never gave out, or whose file is
 * gone, is `ENOENT file not found`.
 *
 * The acceptance suite is `tree_contract.ts`.
 *
 * @module
 */

import { Errno, type FileAttributes, FsError } from "../../control/protocol/fs.ts";
import type { FsAsker } from "../../control/protocol/fs_frames.ts";
import type { LockKind } from "../../control/protocol/fs_requests.ts";

/**
 * How a file is opened. A write to one opened with `append` goes to the end, wherever that is by then; trees whose
 * files have no end that others move take it for `write`.
 */
export type Access = "read" | "write" | "read_write" | "append";

/** A child of a directory. */
export interface DirectoryEntry {
  readonly name: string;
  readonly attributes: FileAttributes;
}

/** What a read returns. */
export interface ReadResult {
  readonly bytes: Uint8Array;
  /** Whether the end of the file was reached. */
  readonly eof: boolean;
}

/** What a write returns: the bytes taken, and for `control/invoke.json` which call it became. */
export interface WriteResult {
  readonly n: number;
  readonly call_id?: string;
  /** `running` when the answer came before the run ended. */
  readonly state?: "running" | "error";
}

/** An open file. The caller closes it exactly once. */
export interface OpenFile {
  readonly readable: boolean;
  readonly writable: boolean;
  /** Generation of the file when it was opened. */
  readonly generation: bigint;
  /** Reads at most `length` bytes at `offset`; fewer only at the end of the file. `EBADF` when not readable. */
  read(offset: number, length: number): Promise<ReadResult>;
  /** Writes all of `bytes` at `offset`, zero-filling a gap. `EBADF` when not writable. */
  write(offset: number, bytes: Uint8Array): Promise<WriteResult>;
  /**
   * Locks the whole file against other handles, or ends the lock; absent where the tree knows no locks.
   *
   * A lock that is held is replaced. One that another handle prevents is waited for when `wait` is set, for 40 s at
   * most; else it is `EAGAIN`. Closing the file ends its lock and what waits for one.
   */
  lock?(kind: LockKind, wait: boolean): Promise<void>;
  close(): Promise<void>;
}

/** A change that clients may have cached. `attr`, `data` or `all` of a node, or the children of a directory. */
export type TreeChange =
  | { readonly node: bigint; readonly what: "attr" | "data" | "all"; readonly generation: bigint }
  | { readonly directory: bigint };

/** What the export list says about a tree. */
export interface TreeDescription {
  /** Name of the export, for example `work` or `svc-echo`. */
  readonly name: string;
  readonly read_only: boolean;
  readonly description: string;
  readonly source_kind: "linux" | "posix" | "windows" | "namespace";
  readonly source_id: string;
}

/** Numbers of a file system, in blocks of `frsize` bytes. */
export interface FileSystemNumbers {
  readonly bsize: number;
  readonly frsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
  readonly favail: number;
  readonly namemax: number;
}

/** A file that was made, and the handle on it. */
export interface CreatedFile {
  readonly attributes: FileAttributes;
  readonly file: OpenFile;
}

/** What may be set of a file; what is undefined stays. Times are nanoseconds since the Unix epoch. */
export interface AttributeChanges {
  /** Permission bits; others than 0o777 are dropped. */
  readonly mode?: number | undefined;
  readonly at?: bigint | undefined;
  readonly mt?: bigint | undefined;
}

/**
 * Making, moving and removing. Names have been checked as for `lookup`.
 *
 * Listeners hear of each change before the promise settles, in the order that docs/protocol.md says.
 */
export interface TreeEditing {
  /** Makes a file and opens it. `EEXIST` when the name is taken. @param access Never `read`. */
  create(parent: bigint, name: string, mode: number, access: Access): Promise<CreatedFile>;
  /** `EEXIST` when the name is taken. */
  makeDirectory(parent: bigint, name: string): Promise<void>;
  /** Removes a file or a link; a handle on it stays good. `EISDIR` for a directory. */
  unlink(parent: bigint, name: string): Promise<void>;
  /** `ENOTDIR` for anything else, `ENOTEMPTY` when something is in it. */
  removeDirectory(parent: bigint, name: string): Promise<void>;
  /** Moves a file or directory, which keeps its id; a file that has the new name is replaced. Onto itself: nothing. */
  rename(oldParent: bigint, oldName: string, newParent: bigint, newName: string): Promise<void>;
  /** Makes a link. What it points to is looked at when it is followed. Absent where there are none. */
  readonly symlink?: ((parent: bigint, name: string, target: string) => Promise<void>) | undefined;
  setAttributes(node: bigint, changes: AttributeChanges): Promise<FileAttributes>;
}

/** Extended attributes. `ENODATA` for one that is not there. */
export interface TreeXattrs {
  get(node: bigint, name: string): Promise<Uint8Array>;
  list(node: bigint): Promise<readonly string[]>;
  /** @param flags 1 refuses a name that is taken (`EEXIST`), 2 one that is not (`ENODATA`). */
  set(node: bigint, name: string, value: Uint8Array, flags: number): Promise<void>;
  remove(node: bigint, name: string): Promise<void>;
}

/** A tree of files. */
export interface FileTree {
  readonly description: TreeDescription;
  /** Id of the root directory; stable for the life of the tree. */
  readonly root: bigint;
  /** Finds a child. The name has been checked: not empty, not `.` or `..`, no separator, no NUL. */
  lookup(parent: bigint, name: string): Promise<FileAttributes>;
  attributes(node: bigint): Promise<FileAttributes>;
  /**
   * All children, sorted by name in code-unit order, without `.` and `..`. `ENOTDIR` for a file.
   *
   * @param links Whether links that cannot be followed are among them: kind 3, without an id.
   */
  list(directory: bigint, links?: boolean): Promise<readonly DirectoryEntry[]>;
  /** Id of the directory that holds `node`; the root's parent is the root. */
  parent(node: bigint): bigint;
  /** Opens a file. `EISDIR` for a directory; `EROFS` when it is opened to write and may not be. */
  open(node: bigint, access: Access): Promise<OpenFile>;
  /** Cuts or zero-extends a file to `size` bytes. `EISDIR` or `EROFS` as for `open`. */
  truncate(node: bigint, size: number): Promise<void>;
  /** Numbers of the file system that holds `node`. */
  numbers(node: bigint): Promise<FileSystemNumbers>;
  /** Absent for a tree whose files are nobody's to make or remove; then such requests are `EROFS`. */
  readonly editing?: TreeEditing | undefined;
  /** Where a link points to, as it was made. `EINVAL` for what is no link. Absent where there are none. */
  readLink?(parent: bigint, name: string): Promise<string>;
  /** Absent where there are none. */
  readonly xattrs?: TreeXattrs | undefined;
  /** Why the tree is not for somebody, for whom a server asks; absent where it is for everybody. */
  readonly refusalFor?: ((asker: FsAsker) => string | undefined) | undefined;
  /** Whether handles can be locked. */
  readonly locks?: boolean;
  /** Whether listeners hear of what others than clients change. */
  readonly watches?: boolean;
  /** Calls `listener` after each change, in order. Returns the function that ends it. */
  onChange(listener: (change: TreeChange) => void): () => void;
}

/** The refusal of a tree that cannot be written. */
export function readOnlyError(): FsError {
  return new FsError(Errno.EROFS, "export is read-only");
}

/** The refusal of an id that means nothing (any more). */
export function noSuchNode(): FsError {
  return new FsError(Errno.ENOENT, "file not found");
}
