/**
 * The tree of a terminal: the files of a service, and `pty/` with its sessions.
 *
 * ```text
 * pty/open.json             write {"cols":80,"rows":24}: opens a session; the answer names it in call_id
 * pty/<session>/input       what is written is typed, whatever the offset
 * pty/<session>/output      from an offset on; a read waits for more
 * pty/<session>/size        {"cols":80,"rows":24}
 * pty/<session>/status.json what runs, how it ended, which bytes of the output are kept
 * pty/<session>/close       a write ends the session
 * ```
 *
 * Source: docs/terminal.md.
 *
 * @module
 */

import { Errno, errorText, type FileAttributes, type FsAsker, FsError } from "../../control/protocol/mod.ts";
import {
  type Access,
  type DirectoryEntry,
  type FileSystemNumbers,
  type FileTree,
  noSuchNode,
  type OpenFile,
  readOnlyError,
  type ReadResult,
  type TreeChange,
  type TreeDescription,
  type WriteResult,
} from "../namespace/tree.ts";
import { InvalidPayload, readObject, readSize } from "./request.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** Ids from here on are those of `pty/`; the tree below it counts from 1 and never comes so far. */
const FIRST_ID = 1n << 40n;
const OPEN_ID = FIRST_ID + 1n;

/** A session has ids for its folder and, behind it, for each of its files. */
const IDS_PER_SESSION = 16n;

const FOLDER_NAME = "pty";

const MODE_FOLDER = 0o040555;
const MODE_READ_ONLY = 0o100400;
const MODE_WRITABLE = 0o100600;
const MODE_WRITE_ONLY = 0o100200;

/** What a file does. */
interface FileKind {
  readonly name: string;
  readonly mode: number;
  size(session: Session): number;
  read?(session: Session, offset: number, length: number): Promise<ReadResult>;
  write?(session: Session, bytes: Uint8Array): void;
}

const FILES: readonly FileKind[] = [
  {
    name: "close",
    mode: MODE_WRITE_ONLY,
    size: () => 0,
    write: (session) => void session.close("closed"),
  },
  {
    name: "input",
    mode: MODE_WRITE_ONLY,
    size: () => 0,
    write: (session, bytes) => session.write(bytes),
  },
  {
    name: "output",
    mode: MODE_READ_ONLY,
    size: (session) => session.outputEnd,
    read: (session, offset, length) => session.read(offset, length),
  },
  {
    name: "size",
    mode: MODE_WRITABLE,
    size: (session) => sizeText(session).length,
    read: (session, offset, length) => readWhole(session, sizeText(session), offset, length),
    write: (session, bytes) => resize(session, bytes),
  },
  {
    name: "status.json",
    mode: MODE_READ_ONLY,
    size: (session) => statusText(session).length,
    read: (session, offset, length) => readWhole(session, statusText(session), offset, length),
  },
];

/** What `pty/open.json` shows. */
const OPEN_TEXT = new TextEncoder().encode('{"cols":80,"rows":24}');

interface SessionFolder {
  readonly session: Session;
  readonly id: bigint;
  generation: bigint;
}

/** What an id stands for. */
type Node =
  | { readonly is: "root" }
  | { readonly is: "open" }
  | { readonly is: "folder"; readonly folder: SessionFolder }
  | { readonly is: "file"; readonly folder: SessionFolder; readonly kind: FileKind };

/** A {@linkcode FileTree} that puts `pty/` into another one. */
export class TerminalTree implements FileTree {
  readonly description: TreeDescription;
  readonly root: bigint;
  readonly #service: FileTree;
  readonly #sessions: Sessions;
  readonly #requireEnabled: () => void;
  readonly #folders = new Map<string, SessionFolder>();
  readonly #listeners = new Set<(change: TreeChange) => void>();
  #lastId = FIRST_ID;
  #generation = FIRST_ID;

  /** @param requireEnabled Throws when nobody may open a session now. */
  constructor(service: FileTree, sessions: Sessions, requireEnabled: () => void) {
    this.description = service.description;
    this.root = service.root;
    this.#service = service;
    this.#sessions = sessions;
    this.#requireEnabled = requireEnabled;
    sessions.onChange((session, change) => {
      if (change === "opened") this.#add(session);
      else if (change === "removed") this.#remove(session);
      else this.#touch(session);
    });
  }

  refusalFor(asker: FsAsker): string | undefined {
    return this.#service.refusalFor?.(asker);
  }

  async lookup(parent: bigint, name: string): Promise<FileAttributes> {
    if (parent === this.root && name === FOLDER_NAME) return await this.attributes(FIRST_ID);
    if (parent < FIRST_ID) return await this.#service.lookup(parent, name);
    const child = (await this.list(parent)).find((entry) => entry.name === name);
    if (child === undefined) throw noSuchNode();
    return child.attributes;
  }

  async attributes(id: bigint): Promise<FileAttributes> {
    if (id < FIRST_ID) return await this.#service.attributes(id);
    const { u, g } = await this.#service.attributes(this.root);
    return { ...this.#shapeOf(id), id, u, g, at: 0n, mt: 0n, ct: 0n };
  }

  async list(directory: bigint): Promise<readonly DirectoryEntry[]> {
    if (directory < FIRST_ID) {
      const entries = await this.#service.list(directory);
      if (directory !== this.root) return entries;
      const own = { name: FOLDER_NAME, attributes: await this.attributes(FIRST_ID) };
      return [...entries, own].sort((a, b) => a.name < b.name ? -1 : 1);
    }
    const node = this.#node(directory);
    if (node.is === "open" || node.is === "file") throw new FsError(Errno.ENOTDIR, "not a directory");
    const children: [string, bigint][] = node.is === "root"
      ? [["open.json", OPEN_ID], ...[...this.#folders].map(([name, { id }]): [string, bigint] => [name, id])]
      : FILES.map(({ name }, index) => [name, fileId(node.folder, index)]);
    children.sort(([a], [b]) => a < b ? -1 : 1);
    return await Promise.all(
      children.map(async ([name, id]) => ({ name, attributes: await this.attributes(id) })),
    );
  }

  parent(id: bigint): bigint {
    if (id < FIRST_ID) return this.#service.parent(id);
    const node = this.#node(id);
    switch (node.is) {
      case "root":
        return this.root;
      case "open":
      case "folder":
        return FIRST_ID;
      case "file":
        return node.folder.id;
    }
  }

  async open(id: bigint, access: Access): Promise<OpenFile> {
    if (id < FIRST_ID) return await this.#service.open(id, access);
    const node = this.#node(id);
    if (node.is === "root" || node.is === "folder") throw new FsError(Errno.EISDIR, "is a directory");
    const readable = access === "read" || access === "read_write";
    const writable = access !== "read";
    const { read, write } = node.is === "open" ? this.#openFile() : sessionFile(node.folder.session, node.kind);
    if (writable && write === undefined) throw readOnlyError();
    if (readable && read === undefined) throw new FsError(Errno.EACCES, "access denied: the file can only be written");
    return {
      readable,
      writable,
      generation: this.#shapeOf(id).gen,
      read(offset, length) {
        if (!readable || read === undefined) throw new FsError(Errno.EBADF, "handle not readable");
        return read(offset, length);
      },
      write(offset, bytes) {
        if (!writable || write === undefined) throw new FsError(Errno.EBADF, "handle not writable");
        return Promise.resolve(write(offset, bytes));
      },
      close: () => Promise.resolve(),
    };
  }

  async truncate(id: bigint, size: number): Promise<void> {
    if (id < FIRST_ID) return await this.#service.truncate(id, size);
    const node = this.#node(id);
    if (node.is === "root" || node.is === "folder") throw new FsError(Errno.EISDIR, "is a directory");
    // What is written counts as it comes, so there is nothing to cut; tools do it before they write.
    if (node.is === "file" && node.kind.write === undefined) throw readOnlyError();
  }

  numbers(): Promise<FileSystemNumbers> {
    return this.#service.numbers(this.#service.root);
  }

  onChange(listener: (change: TreeChange) => void): () => void {
    this.#listeners.add(listener);
    const stop = this.#service.onChange(listener);
    return () => {
      this.#listeners.delete(listener);
      stop();
    };
  }

  #openFile(): Pick<FileHandlers, "read" | "write"> {
    return {
      read: (offset, length) => Promise.resolve(slice(OPEN_TEXT, offset, length)),
      write: (offset, bytes) => {
        // Clients end a file with an empty write, or begin it with one.
        if (bytes.length === 0) return { n: 0 };
        if (offset !== 0) throw new FsError(Errno.EINVAL, "invalid argument: the document is wanted in one write");
        this.#requireEnabled();
        return { n: bytes.length, call_id: this.#sessions.open(bytes).id };
      },
    };
  }

  #add(session: Session): void {
    this.#lastId += IDS_PER_SESSION;
    this.#folders.set(session.id, { session, id: this.#lastId, generation: ++this.#generation });
    this.#emit({ directory: FIRST_ID });
  }

  #remove(session: Session): void {
    this.#folders.delete(session.id);
    this.#emit({ directory: FIRST_ID });
  }

  #touch(session: Session): void {
    const folder = this.#folders.get(session.id);
    if (folder === undefined) return;
    folder.generation = ++this.#generation;
    for (const [index, { name }] of FILES.entries()) {
      if (name !== "status.json" && name !== "size") continue;
      this.#emit({ node: fileId(folder, index), what: "data", generation: folder.generation });
    }
  }

  #emit(change: TreeChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }

  #shapeOf(id: bigint): Pick<FileAttributes, "k" | "m" | "n" | "sz" | "gen"> {
    const node = this.#node(id);
    switch (node.is) {
      case "root":
        return { k: 2, m: MODE_FOLDER, n: 2, sz: 0, gen: this.#generation };
      case "folder":
        return { k: 2, m: MODE_FOLDER, n: 2, sz: 0, gen: node.folder.generation };
      case "open":
        return { k: 1, m: MODE_WRITABLE, n: 1, sz: OPEN_TEXT.length, gen: OPEN_ID };
      case "file": {
        const { folder: { session, generation }, kind } = node;
        return { k: 1, m: kind.mode, n: 1, sz: kind.size(session), gen: generation + BigInt(session.outputEnd) };
      }
    }
  }

  #node(id: bigint): Node {
    if (id === FIRST_ID) return { is: "root" };
    if (id === OPEN_ID) return { is: "open" };
    for (const folder of this.#folders.values()) {
      const place = Number(id - folder.id);
      if (place === 0) return { is: "folder", folder };
      const kind = FILES[place - 1];
      if (kind !== undefined) return { is: "file", folder, kind };
    }
    throw noSuchNode();
  }
}

interface FileHandlers {
  readonly read?: (offset: number, length: number) => Promise<ReadResult>;
  readonly write?: (offset: number, bytes: Uint8Array) => WriteResult;
}

function sessionFile(session: Session, { read, write }: FileKind): FileHandlers {
  return {
    ...(read === undefined ? {} : { read: (offset, length) => read(session, offset, length) }),
    ...(write === undefined ? {} : {
      write: (_offset, bytes) => {
        write(session, bytes);
        return { n: bytes.length };
      },
    }),
  };
}

function fileId(folder: SessionFolder, index: number): bigint {
  return folder.id + BigInt(index + 1);
}

function resize(session: Session, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  try {
    session.resize(readSize(readObject(bytes)));
  } catch (error) {
    if (!(error instanceof InvalidPayload)) throw error;
    throw new FsError(Errno.EINVAL, `invalid argument: ${errorText(error)}`);
  }
}

function sizeText({ size }: Session): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(size));
}

function statusText(session: Session): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(session.status()));
}

/** Who looks at a session keeps it. */
function readWhole(session: Session, content: Uint8Array, offset: number, length: number): Promise<ReadResult> {
  session.attend();
  return Promise.resolve(slice(content, offset, length));
}

function slice(content: Uint8Array, offset: number, length: number): ReadResult {
  return { bytes: content.slice(offset, offset + length), eof: offset + length >= content.length };
}
