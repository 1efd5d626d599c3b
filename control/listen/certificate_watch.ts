/**
 * Notices that the files of a certificate have changed, and puts the new one to use.
 *
 * The folders of the files are watched, which also sees files that are swapped
 * by a rename or a symbolic link; because not every file system tells, the files
 * are read now and then as well. A pair that cannot be used changes nothing.
 *
 * @module
 */

import { watch } from "node:fs";
import { dirname } from "node:path";
import type { CancelTimer, Clock } from "../../drivers/process/clock.ts";
import { errorText } from "../protocol/errors.ts";
import { type Certificate, type CertificateFiles, readCertificate } from "./certificate.ts";

/** Time between two looks at the files when nothing is heard, in milliseconds. */
const POLL_MS = 10_000;
/** Both files are written one after the other; so long nothing is read after the first sign, in milliseconds. */
const SETTLE_MS = 250;

/** What came of a change of the files. */
export type CertificateNews =
  | { readonly type: "replaced" }
  /** The one before stays in use. Said once for each reason. */
  | { readonly type: "refused"; readonly reason: string };

/** Calls `onChange` whenever something changes in one of the folders. Returns the function that ends it. */
export type WatchFolders = (folders: readonly string[], onChange: () => void) => () => void;

/** Parts of a watch. */
export interface CertificateWatchOptions {
  readonly files: CertificateFiles;
  /** The certificate in use. */
  readonly current: Certificate;
  readonly clock: Clock;
  /** Puts a certificate to use. What it throws is said, and the next look tries again. */
  readonly apply: (certificate: Certificate) => Promise<void>;
  readonly report: (news: CertificateNews) => void;
  /** @default the watch of the system, where it has one */
  readonly watchFolders?: WatchFolders;
}

/** Watches from its construction until `close`. */
export class CertificateWatch {
  readonly #options: CertificateWatchOptions;
  readonly #stopWatching: () => void;
  #current: Certificate;
  #refused: string | undefined;
  #poll: CancelTimer = () => {};
  #settle: CancelTimer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: CertificateWatchOptions) {
    this.#options = options;
    this.#current = options.current;
    const { files, watchFolders = watchSystemFolders } = options;
    const folders = new Set([dirname(files.cert), dirname(files.key)]);
    this.#stopWatching = watchFolders([...folders], () => this.#heard());
    this.#schedule();
  }

  /** Settles when every look that has begun is over. */
  idle(): Promise<void> {
    return this.#looking;
  }

  /** Ends the watch; settles when a look that has begun is over. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopWatching();
    this.#poll();
    this.#settle?.();
    await this.#looking;
  }

  #schedule(): void {
    this.#poll = this.#options.clock.after(POLL_MS, () => {
      this.#lookNext();
      this.#schedule();
    });
  }

  #heard(): void {
    if (this.#closed || this.#settle !== undefined) return;
    this.#settle = this.#options.clock.after(SETTLE_MS, () => {
      this.#settle = undefined;
      this.#lookNext();
    });
  }

  #lookNext(): void {
    this.#looking = this.#looking.then(() => this.#closed ? undefined : this.#look());
  }

  async #look(): Promise<void> {
    const { files, apply, report } = this.#options;
    try {
      const found = await readCertificate(files);
      const isNew = found.cert !== this.#current.cert || found.key !== this.#current.key;
      if (isNew) await apply(found);
      this.#current = found;
      this.#refused = undefined;
      if (isNew) report({ type: "replaced" });
    } catch (error) {
      const reason = errorText(error);
      if (reason === this.#refused) return;
      this.#refused = reason;
      report({ type: "refused", reason });
    }
  }
}

/** The watch of the system. A folder that cannot be watched is left to the looks now and then. */
function watchSystemFolders(folders: readonly string[], onChange: () => void): () => void {
  const watchers = folders.flatMap((folder) => {
    try {
      const watcher = watch(folder, { persistent: false }, onChange);
      watcher.on("error", () => watcher.close());
      return [watcher];
    } catch {
      return [];
    }
  });
  return () => watchers.forEach((watcher) => watcher.close());
}
