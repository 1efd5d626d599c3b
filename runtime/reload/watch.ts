/**
 * Says when something in a folder of manifests may have changed.
 *
 * Only a hint: file systems without notifications, full tables of watches and
 * links to another folder say nothing, so somebody must look from time to time
 * as well. A folder that is not there yet, or is another one than before, is
 * found at the next such look.
 *
 * @module
 */

import { dirname } from "node:path";
import { type Clock, sleep } from "../../drivers/process/clock.ts";
import { Waker } from "../../drivers/process/waker.ts";
import { errorText } from "../../control/protocol/errors.ts";

/** How long nothing may happen before a change counts as complete, in milliseconds. */
const QUIET_MS = 30;

/** Longest wait for quiet, in milliseconds. */
const PATIENCE_MS = 300;

/** What is watched. */
export interface FolderWatchOptions {
  readonly dirs: readonly string[];
  /** Single files; their folders are watched. */
  readonly files: readonly string[];
  /** Whether a file of that name in one of `dirs` matters. */
  readonly isWanted: (name: string) => boolean;
  readonly clock: Clock;
  /** Hears once for each folder why it cannot be watched, one sentence. */
  readonly report: (problem: string) => void;
}

interface Watched {
  readonly watcher: Deno.FsWatcher;
  /** Which folder it is, whatever it is called. */
  readonly identity: string;
}

/** Watches folders. */
export class FolderWatch {
  readonly #options: FolderWatchOptions;
  readonly #folders: ReadonlySet<string>;
  readonly #files: ReadonlySet<string>;
  readonly #watched = new Map<string, Watched>();
  readonly #reported = new Set<string>();
  readonly #stirs = new Waker();
  #hasStirred = false;

  constructor(options: FolderWatchOptions) {
    this.#options = options;
    this.#folders = new Set([...options.dirs, ...options.files.map((file) => dirname(file))]);
    this.#files = new Set(options.files.map(baseName));
  }

  /** Resolves when something may have changed and nothing more happens for a moment, or when `signal` fires. */
  async next(signal: AbortSignal): Promise<void> {
    this.#open();
    if (!this.#hasStirred) await this.#stirs.wait(signal);
    const { clock } = this.#options;
    const patience = clock.monotonic() + PATIENCE_MS;
    while (this.#hasStirred && !signal.aborted) {
      this.#hasStirred = false;
      await sleep(clock, QUIET_MS, signal);
      if (clock.monotonic() >= patience) break;
    }
  }

  [Symbol.dispose](): void {
    for (const folder of [...this.#watched.keys()]) this.#unwatch(folder);
  }

  /** Watches what is there now and is not watched yet. */
  #open(): void {
    for (const folder of this.#folders) {
      const identity = identityOf(folder);
      const known = this.#watched.get(folder);
      if (known?.identity === identity) continue;
      this.#unwatch(folder);
      if (identity === undefined) continue;
      try {
        const watcher = Deno.watchFs(folder, { recursive: false });
        this.#watched.set(folder, { watcher, identity });
        void this.#follow(folder, watcher);
        // What happened before the watch stood was not seen.
        if (known !== undefined) this.#stir();
      } catch (error) {
        if (!this.#reported.has(folder)) {
          this.#options.report(
            `Cannot watch "${folder}": ${errorText(error)}; it is looked at every manifest-reload-interval instead`,
          );
        }
        this.#reported.add(folder);
      }
    }
  }

  async #follow(folder: string, watcher: Deno.FsWatcher): Promise<void> {
    try {
      for await (const { kind, paths } of watcher) {
        // Our own reading is told of as well.
        if (kind === "access") continue;
        if (paths.length === 0 || paths.some((path) => this.#matters(path))) this.#stir();
      }
    } catch {
      // The watch broke: it is made anew at the next look.
    }
    if (this.#watched.get(folder)?.watcher === watcher) this.#watched.delete(folder);
  }

  #matters(path: string): boolean {
    const name = baseName(path);
    // Two dots begin the names of what a mounted configuration is replaced by.
    return this.#options.isWanted(name) || this.#files.has(name) || name.startsWith("..") ||
      [...this.#folders].some((folder) => baseName(folder) === name);
  }

  #stir(): void {
    this.#hasStirred = true;
    this.#stirs.wake();
  }

  #unwatch(folder: string): void {
    const known = this.#watched.get(folder);
    this.#watched.delete(folder);
    try {
      known?.watcher.close();
    } catch {
      // It has ended by itself.
    }
  }
}

function baseName(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}

function identityOf(folder: string): string | undefined {
  try {
    const { dev, ino, isDirectory } = Deno.statSync(folder);
    return isDirectory ? `${dev} ${ino}` : undefined;
  } catch {
    return undefined;
  }
}
