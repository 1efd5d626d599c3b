/**
 * How many files of one node the holders of one token have open, over all their
 * connections: a node keeps so many and no more, and they are for everybody.
 *
 * @module
 */

import { Errno, FsError } from "../protocol/fs.ts";

/** So many files of a node may the connections of one token have open; an eighth of what a node keeps. */
const MAX_OF_OWNER = 512;

/** Whose files are counted together: the same for all connections of one token. */
export function ownerOf(speaker: { readonly role: string; readonly token_id?: string }): string {
  return speaker.token_id === undefined ? speaker.role : `token ${speaker.token_id}`;
}

/** A connection that opens files. */
export interface FileHolder {
  /** How many it has open at this node, or is about to open. */
  readonly openCount: number;
}

/** The connections that open files of one node, by their owners. */
export class OpenFiles {
  readonly #holders = new Map<string, Set<FileHolder>>();

  /** Counts a connection from now on. @param owner See {@linkcode ownerOf}. */
  join(owner: string, holder: FileHolder): void {
    const holders = this.#holders.get(owner) ?? new Set();
    this.#holders.set(owner, holders.add(holder));
  }

  leave(owner: string, holder: FileHolder): void {
    const holders = this.#holders.get(owner);
    holders?.delete(holder);
    if (holders?.size === 0) this.#holders.delete(owner);
  }

  /** Whether one more may be opened. @throws {FsError} `EAGAIN`. */
  requireRoom(owner: string): void {
    let count = 0;
    for (const { openCount } of this.#holders.get(owner) ?? []) count += openCount;
    if (count < MAX_OF_OWNER) return;
    throw new FsError(Errno.EAGAIN, `too many open files: this token has ${MAX_OF_OWNER} of this node, close one`);
  }
}
