/**
 * The two places that a copy goes between: this machine and the tree.
 *
 * @module
 */

import { chmod, type FileHandle, lstat, mkdir, open, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { TreeEntry, WorldTree } from "../../control/client/mod.ts";
import { errorText, ZssError } from "../../control/protocol/errors.ts";
import { childNameProblem, isNameOnWindows } from "../../control/protocol/mod.ts";
import { currentOs } from "../../drivers/process/mod.ts";
import { below } from "./with_tree.ts";

/** What stands at a path. */
export interface Found {
  readonly kind: "file" | "dir";
  /** In bytes; 0 for a directory. */
  readonly size: number;
  /** Whether the name is a symbolic link; the rest is that of what it leads to. */
  readonly isLink?: boolean;
  /** Which file it is, where that is known; see {@linkcode isSameFile}. */
  readonly identity?: Identity;
}

/** What tells a file from others, whatever path led to it. */
export interface Identity {
  /** The same for the same file and for no other one. */
  readonly key: string;
  /** Where a file may have several keys: this machine, or a node. */
  readonly realm: string;
  /** Kind, number of the file in its file system, size and time. */
  readonly likeness?: string;
}

/**
 * Whether two places are one file.
 *
 * A node that exports a folder twice, or runs on this machine, gives a file several keys. There the number in the file
 * system, the size and the time decide: two files that agree in all of them are taken for one.
 */
export function isSameFile({ identity: one }: Found, { identity: other }: Found): boolean {
  if (one === undefined || other === undefined) return false;
  if (one.key === other.key) return true;
  return isOneRealm(one, other) && one.likeness !== undefined && one.likeness === other.likeness;
}

/** Whether a file of the one could be a file of the other. */
export function mayBeSame({ identity: one }: Found, { identity: other }: Found): boolean {
  return one !== undefined && other !== undefined && isOneRealm(one, other);
}

function isOneRealm(one: Identity, other: Identity): boolean {
  return one.realm === other.realm || one.realm === LOCAL || other.realm === LOCAL;
}

/** The children of a directory that are copied with it. */
export interface Children {
  /** Files and directories, sorted. */
  readonly names: readonly string[];
  /** How many symbolic links there are beside them. */
  readonly links: number;
  /** What else is beside them and cannot be copied: pipes, sockets, devices, and names that are no UTF-8. */
  readonly others?: readonly string[];
}

/** A place with files. */
export interface Side {
  /** What stands there; `undefined` for nothing. Links are followed. */
  look(path: string): Promise<Found | undefined>;
  children(path: string): Promise<Children>;
  /** Those of them that are directories. */
  folders(path: string): Promise<readonly { readonly path: string; readonly found: Found }[]>;
  read(path: string): AsyncIterable<Uint8Array>;
  /**
   * Writes a file anew, as soon as the first piece is there. On this machine the name holds the old content until the
   * new one is whole.
   */
  write(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void>;
  mkdir(path: string): Promise<void>;
  /** The path of a child. @throws {ZssError} `unsafe_name` for a name that would lead anywhere else. */
  child(path: string, name: string): string;
  /** A directory, existing or not, and all that are above it: paths without links, that of the directory last. */
  above(path: string): Promise<readonly string[]>;
  /** Whether those are all the directories above it, or only those that its path names. */
  readonly knowsWay: boolean;
}

const PIECE_BYTES = 1_048_576;
const LOCAL = "local";

/** The tree of a server. */
export function treeSide(tree: WorldTree): Side {
  return {
    async look(path) {
      try {
        return foundOf(await tree.stat(path));
      } catch (error) {
        if (error instanceof ZssError && error.code === "enoent") return undefined;
        throw error;
      }
    },
    async children(path) {
      const entries = await tree.list(path);
      const names = entries.filter(({ link }) => link !== true).map(({ name }) => name);
      return { names, links: entries.length - names.length };
    },
    async folders(path) {
      const entries = await tree.list(path);
      return entries.filter(({ kind, link }) => kind === "dir" && link !== true).map((entry) => ({
        path: below(path, oneStep(path, entry.name, false)),
        found: foundOf(entry),
      }));
    },
    read: (path) => tree.chunks(path),
    write: async (path, pieces) => void await tree.pour(path, pieces, { create: true }),
    mkdir: (path) => tree.mkdir(path),
    child: (path, name) => below(path, oneStep(path, name, false)),
    knowsWay: false,
    above: (path) => {
      const steps = path.split("/").filter((step) => step !== "");
      return Promise.resolve(["/", ...steps.map((_, at) => `/${steps.slice(0, at + 1).join("/")}`)]);
    },
  };
}

function foundOf({ kind, size, link, origin, mtime_ms }: TreeEntry): Found {
  const found = { kind, size, isLink: link === true };
  if (origin === undefined) return found;
  const [number = "", realm = ""] = origin.split(".");
  const likeness = mtime_ms === undefined ? {} : { likeness: `${kind} ${number} ${size} ${mtime_ms}` };
  return { ...found, identity: { key: `tree:${origin}`, realm: `node:${realm}`, ...likeness } };
}

/** The files of this machine. Links are followed where they are named, and left out below. */
export const localSide: Side = {
  knowsWay: true,
  async look(path) {
    const found = await told("look at", path, () => stat(path, { bigint: true }).catch(absent));
    if (found === undefined) return undefined;
    const isLink = (await told("look at", path, () => lstat(path).catch(absent)))?.isSymbolicLink() === true;
    const { dev, ino, size, mtimeNs } = found;
    // Some file systems number nothing.
    const key = `local:${ino === 0n ? await told("look at", path, () => realpath(path)) : `${dev}:${ino}`}`;
    const identify = (kind: string, bytes: bigint) => ({
      identity: { key, realm: LOCAL, likeness: `${kind} ${BigInt.asUintN(48, ino)} ${bytes} ${mtimeNs / 1_000_000n}` },
    });
    if (found.isDirectory()) return { kind: "dir", size: 0, isLink, ...identify("dir", 0n) };
    if (found.isFile()) return { kind: "file", size: Number(size), isLink, ...identify("file", size) };
    throw new ZssError("usage", `Cannot copy "${path}": it is neither a file nor a directory`);
  },
  async children(path) {
    const entries = await told("list", path, () => readdir(path, { withFileTypes: true }));
    const names: string[] = [];
    const others: string[] = [];
    let links = 0;
    for (const entry of entries) {
      const { name } = entry;
      // The runtime shows a name that is no UTF-8 with other characters, and then finds nothing under it.
      const isLost = name.includes("\ufffd") && await lstat(join(path, name)).catch(absent) === undefined;
      if (isLost) others.push(name);
      else if (entry.isSymbolicLink()) links++;
      else if (entry.isFile() || entry.isDirectory()) names.push(name);
      else others.push(name);
    }
    return { names: names.sort(), links, others: others.sort() };
  },
  async folders(path) {
    const entries = await told("list", path, () => readdir(path, { withFileTypes: true }));
    const paths = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
    const all: { path: string; found: Found }[] = [];
    for (const one of paths) {
      const found = await localSide.look(one);
      if (found?.kind === "dir" && found.isLink !== true) all.push({ path: one, found });
    }
    return all;
  },
  async *read(path) {
    const file = await told("read", path, () => open(path, "r"));
    try {
      for (;;) {
        const buffer = new Uint8Array(PIECE_BYTES);
        // Spelt out: older runtimes want each argument.
        const { bytesRead } = await told("read", path, () => file.read(buffer, 0, PIECE_BYTES, null));
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  },
  async write(path, pieces) {
    // What a link leads to is replaced, and not the link.
    const real = await told("write", path, () => realpath(path).catch(absent)) ?? path;
    const before = await told("write", path, () => stat(real).catch(absent));
    // A name that nobody else has: what is there is never ours, and two copies to one name do not mix.
    const part = join(dirname(real), `.zss-part-${crypto.randomUUID().slice(0, 13)}`);
    const file = await told("write", path, () => open(part, "wx"));
    try {
      await poured(file, pieces, path);
      if (before !== undefined) await told("write", path, () => chmod(part, before.mode & 0o7777));
      await told("write", path, () => rename(part, real));
    } catch (error) {
      // Why it failed is what matters.
      await rm(part, { force: true }).catch(() => {});
      throw error;
    }
  },
  mkdir: (path) => told("make", path, async () => void await mkdir(path)),
  child: (path, name) => join(path, oneStep(path, name, currentOs.name === "windows")),
  async above(path) {
    const missing: string[] = [];
    let at = resolve(path);
    for (;;) {
      const real = await told("look at", path, () => realpath(at).catch(absent));
      if (real !== undefined || dirname(at) === at) {
        at = join(real ?? at, ...missing);
        break;
      }
      missing.unshift(basename(at));
      at = dirname(at);
    }
    const all = [at];
    for (let up = dirname(at); up !== all[0]; up = dirname(up)) all.unshift(up);
    return all;
  },
};

/** The name if it is one step of a path, which stays in its directory. */
function oneStep(path: string, name: string, isWindows: boolean): string {
  const problem = childNameProblem(name) ??
    (isWindows && !isNameOnWindows(name) ? "not a name on Windows" : undefined);
  if (problem === undefined) return name;
  throw new ZssError("unsafe_name", `Cannot copy ${JSON.stringify(name.slice(0, 100))} to "${path}": ${problem}`, {
    hint: "a name must be one step of a path; rename it where it comes from",
  });
}

async function poured(file: FileHandle, pieces: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  try {
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length;) {
        at += (await told("write", path, () => file.write(piece, at))).bytesWritten;
      }
    }
  } finally {
    await told("write", path, () => file.close());
  }
}

async function told<T>(what: string, path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof ZssError) throw error;
    throw new ZssError("io", `Cannot ${what} "${path}": ${errorText(error)}`, { cause: error });
  }
}

function absent(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
