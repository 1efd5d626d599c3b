/**
 * A whole directory of a node, put together from its pages.
 *
 * A node may be broken or mean harm, and whoever lists holds the entries in
 * memory: how many they may be is limited, and a node that never comes to an end
 * is not followed.
 *
 * @module
 */

import type { z } from "zod";
import { childNameProblem, Errno, type FileAttributes, FsError } from "./fs.ts";
import type { fsReplies } from "./fs_replies.ts";

/**
 * Most entries of one directory. A server takes about 2 KiB for each until it has been sent on, so that one listing
 * takes half a GiB of it at most and about ten seconds; a million would take a minute and more than most servers have.
 */
export const MAX_LISTED = 262_144;

/** A child of a directory of a node. */
export interface ListedEntry {
  readonly name: string;
  readonly attributes: FileAttributes;
}

/**
 * Asks for page after page; returns all children in the order of the node.
 *
 * `.` and `..` are left out, and so is a name that is no single step of a path: it would lead somewhere else. Cookies
 * need not grow, but one that comes twice would begin what was listed already anew.
 *
 * @param ask Asks for the page at a cookie; the first is 0.
 * @throws {FsError} `EIO` for more than `most` entries, and `InvalidReply` for a cookie that comes twice.
 */
export async function wholeListing(
  ask: (cookie: number) => Promise<z.output<typeof fsReplies.readdirp>>,
  most = MAX_LISTED,
): Promise<ListedEntry[]> {
  const entries: ListedEntry[] = [];
  const asked = new Set<number>();
  let told = 0;
  for (let cookie = 0;;) {
    asked.add(cookie);
    const { ents, next, eof } = await ask(cookie);
    // What is left out counts too, or a node could tell of nothing else forever.
    told += ents.length;
    if (told > most) throw new FsError(Errno.EIO, `the directory holds more than ${most} entries`);
    for (const { name, attr } of ents) {
      if (childNameProblem(name) === undefined) entries.push({ name, attributes: attr });
    }
    if (eof || ents.length === 0) return entries;
    if (asked.has(next)) throw new FsError(Errno.EIO, `InvalidReply: readdirp said cookie ${next} twice`);
    cookie = next;
  }
}
