/**
 * What `t_stat` says of a place, and the number by which it is known.
 *
 * @module
 */

import type { FileAttributes } from "../protocol/fs.ts";
import { isLinked, type NodeFile } from "./node_files.ts";

/** What is said of a place. */
export interface Stat {
  readonly id: number;
  readonly name: string;
  readonly kind: "dir" | "file";
  /** In bytes; 0 for a directory. */
  readonly size: number;
  readonly mode: number;
  /** Whether this session may write it. */
  readonly writable: boolean;
  /** When it was changed last, in milliseconds since the Unix epoch; only for files of nodes that keep a time. */
  readonly mtime_ms?: number;
  /** Set when the name is a symbolic link; the rest is that of what it leads to. */
  readonly link?: true;
  /**
   * Which file of which node it is: the same text, the same file, whatever path led there. A number of the file on its
   * node, what stands for the node and what stands for the export, with dots between.
   */
  readonly origin?: string;
}

/** A number for a path, the same whenever it is asked for: 1 for the root, else below 2^52. */
export function statId(path: readonly string[]): number {
  if (path.length === 0) return 1;
  let [low, high] = [0x811c9dc5, 0x01000193];
  for (const name of path) {
    for (let at = 0; at <= name.length; at++) {
      // Between names stands a sign that no name holds.
      const sign = at === name.length ? 0x2f : name.charCodeAt(at);
      low = Math.imul(low ^ sign, 0x01000193);
      high = Math.imul(high ^ sign, 0x85ebca6b) + low | 0;
    }
  }
  return (high >>> 12) * 0x1_0000_0000 + (low >>> 0) + 2;
}

/** A directory of the server, or the root of a tree. */
export function directoryStat(path: readonly string[]): Stat {
  return { ...head(path, "dir"), size: 0, mode: 0o040755, writable: false };
}

/** A file of the server. */
export function fileStat(path: readonly string[], size: number, writable: boolean): Stat {
  return { ...head(path, "file"), size, mode: writable ? 0o100644 : 0o100444, writable };
}

/** A file of a node, which the viewer may write or not. */
export function nodeStat(
  path: readonly string[],
  { node_id, tree, rest }: NodeFile,
  attributes: FileAttributes,
  mayWrite: boolean,
): Stat {
  const { id, k, sz, m, mt } = attributes;
  const kind = k === 2 ? "dir" : "file";
  return {
    ...head(path, kind),
    size: kind === "dir" ? 0 : sz,
    mode: m,
    writable: mayWrite && (m & 0o222) !== 0,
    ...(mt === 0n ? {} : { mtime_ms: Number(mt / 1_000_000n) }),
    ...(isLinked(attributes) ? { link: true } : {}),
    // Above these bits stands the number of the export, below them that of the file; a link alone is none.
    ...(k === 3 && id === 0n ? {} : {
      origin: `${rest.length === 0 ? "root" : BigInt.asUintN(48, id)}.${statId([node_id])}.${statId([node_id, tree])}`,
    }),
  };
}

/** The root of a tree of a node that is not asked. */
export function rootStat(path: readonly string[], { node_id, tree }: Omit<NodeFile, "rest">): Stat {
  return { ...directoryStat(path), origin: `root.${statId([node_id])}.${statId([node_id, tree])}` };
}

function head(path: readonly string[], kind: "dir" | "file") {
  return { id: statId(path), name: path.at(-1) ?? "/", kind } as const;
}
