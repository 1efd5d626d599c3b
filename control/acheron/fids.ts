/**
 * The fids of one session: numbers that a client gave to places of the world.
 *
 * @module
 */

import { ZssError } from "../protocol/errors.ts";
import type { FileAttributes } from "../protocol/fs.ts";
import type { EventReader } from "./event_reader.ts";
import type { NodeHandle, PositionHolder } from "./node_files.ts";
import { Turns } from "./turns.ts";

/** At most so many fids in one session. */
export const MAX_FIDS = 4_096;

/** A place that a client holds. What stands there is looked up anew each time. */
export class Fid implements PositionHolder {
  readonly path: readonly string[];
  position: PositionHolder["position"];
  /** What the node said of the place when the walk ended there. */
  kind: "dir" | "file" | undefined;
  /** What the walk found, and how many requests had come by then: to those it is as new as can be. */
  found: { readonly attributes: FileAttributes; readonly received: number } | undefined;
  /** What a file or a listing held when it was last read from its beginning. */
  content: Promise<Uint8Array> | undefined;
  reader: EventReader | undefined;
  readHandle: Promise<NodeHandle> | undefined;
  writeHandle: Promise<NodeHandle> | undefined;
  /** Whether what is written goes to the end of the file. */
  isAppending = false;
  #isGone = false;
  #gone: AbortController | undefined;

  constructor(path: readonly string[], position: PositionHolder["position"]) {
    this.path = path;
    this.position = position;
  }

  /** Fires when the fid is let go. Made when somebody asks: an abort that nobody hears takes as long as a read. */
  get gone(): AbortSignal {
    this.#gone ??= new AbortController();
    if (this.#isGone) this.#gone.abort();
    return this.#gone.signal;
  }

  /** Ends what waits there. */
  letGo(): void {
    this.#isGone = true;
    this.#gone?.abort();
  }
}

/** The fids of one session. */
export class Fids {
  readonly #release: (fid: Fid) => Promise<void>;
  readonly #fids = new Map<number, Fid>();
  readonly #turns = new Map<number, Turns>();
  /** How many wait to let a fid go. */
  readonly #ending = new Map<number, number>();

  /** @param release Frees what a fid holds at a node; rejects when the node says that what was written is of no use. */
  constructor(release: (fid: Fid) => Promise<void>) {
    this.#release = release;
  }

  /** @throws {ZssError} `enoent` for a number that means nothing. */
  get(number: number, action: string): Fid {
    const fid = this.#fids.get(number);
    if (fid !== undefined) return fid;
    throw new ZssError("enoent", `Cannot ${action}: there is no fid ${number}`, {
      path: "/fid",
      hint: "t_attach and t_walk make fids; they end with t_clunk, and when their session is bound anew",
    });
  }

  /** Gives a number to a place; what had it is let go. @throws {ZssError} `busy` when there are too many. */
  set(number: number, fid: Fid): void {
    if (!this.#fids.has(number) && this.#fids.size >= MAX_FIDS) {
      throw new ZssError("busy", `Cannot make another fid: this session has ${MAX_FIDS}`, {
        hint: "let go of some with t_clunk",
      });
    }
    this.remove(number);
    this.#fids.set(number, fid);
  }

  /** Lets a fid go; does nothing when there is none. */
  remove(number: number): void {
    this.#letGo(number).catch(() => {
      // Nobody asked how it ended.
    });
  }

  async #letGo(number: number): Promise<void> {
    const fid = this.#fids.get(number);
    if (fid === undefined) return;
    this.#fids.delete(number);
    fid.letGo();
    await this.#release(fid);
  }

  /**
   * Lets a fid go after everything that came before it. What waits there for
   * something to happen ends at once. Rejects with what the node says at the end
   * of a file that was written; the fid is let go all the same.
   */
  async end(number: number): Promise<void> {
    this.#ending.set(number, (this.#ending.get(number) ?? 0) + 1);
    this.#fids.get(number)?.letGo();
    let released: Promise<void> | undefined;
    await this.alone(number, () => {
      released = this.#letGo(number);
      released.catch(() => {}); // It is waited for below.
      const left = (this.#ending.get(number) ?? 1) - 1;
      if (left === 0) this.#ending.delete(number);
      else this.#ending.set(number, left);
      return Promise.resolve();
    });
    await released;
  }

  /** Whether a fid is to be let go as soon as what runs there has ended. */
  isEnding(number: number): boolean {
    return this.#ending.has(number);
  }

  /** Runs work that looks at a fid, after what came before it and changes it. */
  together<T>(number: number, work: () => Promise<T>): Promise<T> {
    const turns = this.#turnsOf(number);
    return turns.together(work).finally(() => this.#forget(number, turns));
  }

  /** Runs work that changes a fid, after everything that came before it. */
  alone<T>(number: number, work: () => Promise<T>): Promise<T> {
    const turns = this.#turnsOf(number);
    return turns.alone(work).finally(() => this.#forget(number, turns));
  }

  /** Runs work that looks at one fid and changes another. Both places are taken now, so that no two wait for each other. */
  between<T>(from: number, to: number, work: () => Promise<T>): Promise<T> {
    if (from === to) return this.alone(to, work);
    const granted = Promise.withResolvers<void>();
    const run = this.alone(to, () => granted.promise.then(work));
    const ended = run.then(() => {}, () => {});
    this.together(from, () => {
      granted.resolve();
      return ended;
    });
    return run;
  }

  /** Lets all go. */
  clear(): void {
    for (const number of [...this.#fids.keys()]) this.remove(number);
  }

  #turnsOf(number: number): Turns {
    let turns = this.#turns.get(number);
    if (turns === undefined) this.#turns.set(number, turns = new Turns());
    return turns;
  }

  #forget(number: number, turns: Turns): void {
    if (turns.isIdle && this.#turns.get(number) === turns) this.#turns.delete(number);
  }
}
