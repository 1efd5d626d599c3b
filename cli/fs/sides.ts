/**
 * The two places that a copy goes between: this machine and the tree.
 *
 * @module
 */

import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { WorldTree } from "../../control/client/mod.ts";
import { errorText, ZssError } from "../../control/protocol/errors.ts";
import { below } from "./with_tree.ts";

/** What stands at a path. */
export interface Found {
  readonly kind: "file" | "dir";
  /** In bytes; 0 for a directory. */
  readonly size: number;
}

/** A place with files. */
export interface Side {
  /** What stands there; `undefined` for nothing. */
  look(path: string): Promise<Found | undefined>;
  /** Names of the children, sorted. */
  names(path: string): Promise<string[]>;
  read(path: string): AsyncIterable<Uint8Array>;
  /** Writes a file anew. On this machine the name holds the old content until the new one is whole. */
  write(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void>;
  mkdir(path: string): Promise<void>;
  /** The path of a child. */
  child(path: string, name: string): string;
}

const PIECE_BYTES = 1_048_576;

/** The tree of a server. */
export function treeSide(tree: WorldTree): Side {
  return {
    async look(path) {
      try {
        const { kind, size } = await tree.stat(path);
        return { kind, size };
      } catch (error) {
        if (error instanceof ZssError && error.code === "enoent") return undefined;
        throw error;
      }
    },
    names: async (path) => (await tree.list(path)).map(({ name }) => name),
    read: (path) => tree.chunks(path),
    write: async (path, pieces) => void await tree.pour(path, pieces, { create: true }),
    mkdir: (path) => tree.mkdir(path),
    child: below,
  };
}

/** The files of this machine. Links are followed where they are named, and left out below. */
export const localSide: Side = {
  async look(path) {
    const found = await told("look at", path, () => stat(path).catch(absent));
    if (found === undefined) return undefined;
    if (found.isDirectory()) return { kind: "dir", size: 0 };
    if (found.isFile()) return { kind: "file", size: found.size };
    throw new ZssError("usage", `Cannot copy "${path}": it is neither a file nor a directory`);
  },
  async names(path) {
    const entries = await told("list", path, () => readdir(path, { withFileTypes: true }));
    return entries.filter((entry) => entry.isFile() || entry.isDirectory()).map(({ name }) => name).sort();
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
    const part = `${path}.zss-part`;
    // What is not ours is not written over, nor followed.
    if (await lstat(part).catch(absent) !== undefined) await rm(part);
    const file = await told("write", path, () => open(part, "wx"));
    try {
      await poured(file, pieces, path);
      await told("write", path, () => rename(part, path));
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  },
  mkdir: (path) => told("make", path, async () => void await mkdir(path)),
  child: (path, name) => join(path, name),
};

async function poured(file: FileHandle, pieces: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  try {
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length;) {
        at += (await told("write", path, () => file.write(piece, at))).bytesWritten;
      }
    }
  } finally {
    await file.close();
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
