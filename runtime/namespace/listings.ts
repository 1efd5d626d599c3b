/**
 * Directories that are being listed page by page.
 *
 * A listing that takes more than one page is kept as it was at its first page,
 * so whatever changes meanwhile, no entry comes twice and none is left out. The
 * cookie of a further page names the listing and the place in it. A cookie
 * below 2^24 names no listing: it is a place in the directory as it is now.
 *
 * @module
 */

import { Errno, FsError } from "../../control/protocol/mod.ts";
import type { DirectoryEntry } from "./tree.ts";

/** Entries of a directory, `.` and `..` first, in the order in which they are sent. */
export interface Listing {
  /** Wire id of the directory. */
  readonly directory: bigint;
  readonly entries: readonly DirectoryEntry[];
  readonly generation: bigint;
}

/** One page. */
export interface Page {
  readonly entries: readonly DirectoryEntry[];
  /** Cookie of the page that follows. */
  readonly next: number;
  readonly eof: boolean;
  readonly generation: bigint;
}

/** How much is kept. */
export interface ListingLimits {
  /** @default {64} */
  readonly listings: number;
  /** Entries of all kept listings together; the newest listing is kept however long it is. @default {262,144} */
  readonly entries: number;
  /** Most bytes of a page as JSON; a page holds at least one entry. @default {3 MiB} */
  readonly pageBytes: number;
}

const DEFAULT_LIMITS: ListingLimits = { listings: 64, entries: 262_144, pageBytes: 3 * 1_048_576 };

/** Places in one listing. Times 2^29 listings that makes cookies that are exact as a JavaScript number. */
const PLACES = 2 ** 24;
const LISTINGS = 2 ** 29;

/** What the attributes of an entry take as JSON at most. */
const ATTRIBUTES_BYTES = 320;

/** The listings of one connection. */
export class Listings {
  readonly #limits: ListingLimits;
  readonly #kept = new Map<number, Listing>();
  #entries = 0;
  #next = 1;

  constructor(limits: Partial<ListingLimits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** How many listings are kept. */
  get size(): number {
    return this.#kept.size;
  }

  /**
   * Returns the page at `cookie`.
   *
   * @param max Most entries of the page; 0 gives an empty page that says whether anything would follow.
   * @param begin Reads the directory; called unless the cookie names a listing.
   * @throws {FsError} `EINVAL` when the listing is not kept any more.
   */
  async page(directory: bigint, cookie: number, max: number, begin: () => Promise<Listing>): Promise<Page> {
    const serial = Math.floor(cookie / PLACES);
    const place = cookie % PLACES;
    const kept = this.#kept.get(serial);
    if (serial !== 0 && kept?.directory !== directory) {
      throw new FsError(Errno.EINVAL, "invalid argument: the listing of this cookie has ended, begin again with 0");
    }
    if (kept !== undefined) {
      // Whoever goes on with a listing keeps it from being dropped.
      this.#kept.delete(serial);
      this.#kept.set(serial, kept);
    }
    const listing = kept ?? await begin();
    const entries = this.#fitting(listing, place, max);
    const end = place + entries.length;
    const eof = end >= listing.entries.length;
    if (eof) this.#drop(serial);
    // An empty page of a listing that was not begun yet begins none.
    const further = eof || entries.length === 0 ? serial : kept === undefined ? this.#keep(listing) : serial;
    return { entries, next: further * PLACES + end, eof, generation: listing.generation };
  }

  #fitting({ entries }: Listing, place: number, max: number): DirectoryEntry[] {
    const fitting: DirectoryEntry[] = [];
    let bytes = 0;
    for (const entry of entries.slice(place, place + max)) {
      bytes += JSON.stringify(entry.name).length * 3 + ATTRIBUTES_BYTES;
      if (fitting.length > 0 && bytes > this.#limits.pageBytes) break;
      fitting.push(entry);
    }
    return fitting;
  }

  #keep(listing: Listing): number {
    const serial = this.#next;
    this.#next = this.#next % (LISTINGS - 1) + 1;
    this.#kept.set(serial, listing);
    this.#entries += listing.entries.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#limits.listings && this.#entries <= this.#limits.entries) break;
      if (oldest !== serial) this.#drop(oldest);
    }
    return serial;
  }

  #drop(serial: number): void {
    this.#entries -= this.#kept.get(serial)?.entries.length ?? 0;
    this.#kept.delete(serial);
  }
}
