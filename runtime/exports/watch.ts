/**
 * Hears of what others do in an exported folder.
 *
 * Only directories that a client has looked into are watched: nobody else knows
 * an id that could be said to have changed, and a link or a huge branch that
 * nobody opens costs nothing. What is heard is no more than a hint, collected
 * for a moment; the folder looks for itself before it tells anybody.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { errorText } from "../../control/protocol/mod.ts";
import type { CancelTimer, Clock } from "../../drivers/process/mod.ts";

const log = getLogger(["zss", "runtime", "exports"]);

/** Most directories that are watched at once; those that come later are not. */
const MAX_DIRECTORIES = 8_192;
/** Most places that are told of one by one in one go; beyond, it is one word for the whole folder. */
const MAX_PLACES = 2_048;
/** How long directories and events are collected, in milliseconds. */
const GATHER_MS = 50;
/** Each watcher costs the system something whatever it watches, so a few of them are made one. */
const MAX_WATCHERS = 4;

/** What seems to have happened. */
export interface Hints {
  /** Paths of entries that came, went or moved, each with what was heard of it. */
  readonly entries: ReadonlyMap<string, ReadonlySet<EntryEvent>>;
  /** Paths of files whose content or attributes may be others. */
  readonly files: ReadonlySet<string>;
  /** Whether there was more than could be collected. */
  readonly overflow: boolean;
}

/** What happened to a name in a directory. */
export type EntryEvent = "create" | "remove" | "rename";

/** What a watch needs. */
export interface WatchOptions {
  readonly clock: Clock;
  readonly onHints: (hints: Hints) => void;
  /** Called once, when the system lets nothing (more) be watched. */
  readonly onLost: () => void;
}

/** The watch over one folder. */
export class FolderWatch {
  readonly #options: WatchOptions;
  readonly #watched = new Set<string>();
  #waiting = new Set<string>();
  #watchers: Deno.FsWatcher[] = [];
  #cancelGather: CancelTimer | undefined;
  #cancelHints: CancelTimer | undefined;
  #entries = new Map<string, Set<EntryEvent>>();
  #files = new Set<string>();
  #overflow = false;
  #closed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Watches a directory too, soon. Adding one again does nothing. */
  add(directory: string): void {
    if (this.#closed || this.#watched.has(directory)) return;
    if (this.#watched.size >= MAX_DIRECTORIES) {
      if (this.#watched.size === MAX_DIRECTORIES) {
        log.warn("Cannot watch more than {count} directories of an export: changes in further ones are not announced", {
          count: MAX_DIRECTORIES,
        });
        this.#watched.add("");
      }
      return;
    }
    this.#watched.add(directory);
    this.#waiting.add(directory);
    this.#cancelGather ??= this.#options.clock.after(0, () => this.#watchWaiting());
  }

  close(): void {
    this.#closed = true;
    this.#cancelGather?.();
    this.#cancelHints?.();
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }

  #watchWaiting(): void {
    this.#cancelGather = undefined;
    const added = [...this.#waiting];
    this.#waiting = new Set();
    const all = this.#watchers.length >= MAX_WATCHERS;
    const replaced = all ? this.#watchers.splice(0) : [];
    this.#watch(all ? [...this.#watched].filter((directory) => directory !== "") : added);
    for (const watcher of replaced) watcher.close();
    // What happened between a client's look and now was not heard.
    for (const directory of added) this.#files.add(directory);
    this.#tellLater();
    // Whoever walks a tree adds many, one after the other.
    if (!this.#closed) this.#cancelGather = this.#options.clock.after(GATHER_MS, () => this.#watchFurther());
  }

  #watchFurther(): void {
    this.#cancelGather = undefined;
    if (this.#waiting.size > 0) this.#watchWaiting();
  }

  #watch(directories: readonly string[]): void {
    let left = directories;
    while (left.length > 0 && !this.#closed) {
      try {
        const watcher = Deno.watchFs([...left], { recursive: false });
        this.#watchers.push(watcher);
        void this.#listen(watcher);
        return;
      } catch (error) {
        const there = left.filter(exists);
        if (error instanceof Deno.errors.NotFound && there.length < left.length) {
          for (const gone of left) if (!there.includes(gone)) this.#watched.delete(gone);
          left = there;
          continue;
        }
        log.warn("Cannot watch an export: {error}. Changes by others are not announced", { error: errorText(error) });
        this.close();
        this.#options.onLost();
      }
    }
  }

  async #listen(watcher: Deno.FsWatcher): Promise<void> {
    for await (const event of watcher) {
      if (this.#closed) return;
      if (event.flag === "rescan") this.#overflow = true;
      for (const path of event.paths) this.#note(event.kind, path);
      this.#tellLater();
    }
  }

  #note(kind: Deno.FsEvent["kind"], path: string): void {
    if (kind === "access") return;
    if (kind === "create" || kind === "remove" || kind === "rename") {
      const heard = this.#entries.get(path) ?? new Set();
      this.#entries.set(path, heard.add(kind));
      // A directory that is gone has to be watched anew when it comes again.
      if (kind !== "create") this.#watched.delete(path);
    }
    this.#files.add(path);
    if (this.#entries.size > MAX_PLACES || this.#files.size > MAX_PLACES) {
      this.#overflow = true;
      this.#entries.clear();
      this.#files.clear();
    }
  }

  #tellLater(): void {
    if (this.#closed || (this.#entries.size === 0 && this.#files.size === 0 && !this.#overflow)) return;
    this.#cancelHints ??= this.#options.clock.after(GATHER_MS, () => {
      this.#cancelHints = undefined;
      const hints = { entries: this.#entries, files: this.#files, overflow: this.#overflow };
      this.#entries = new Map();
      this.#files = new Set();
      this.#overflow = false;
      this.#options.onHints(hints);
    });
  }
}

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false;
  }
}
