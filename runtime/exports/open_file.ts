/**
 * An open file of an exported folder.
 *
 * @module
 */

import type { BigIntStats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { Errno, FsError, type LockKind } from "../../control/protocol/mod.ts";
import type { Clock } from "../../drivers/process/mod.ts";
import type { Access, OpenFile, ReadResult, WriteResult } from "../namespace/tree.ts";
import type { Libc } from "./libc.ts";
import { hasSystemCode, inProtocolWords } from "./system_errors.ts";

/** How long somebody waits for a lock, in milliseconds: less than the relay waits for an answer. */
const LOCK_WAIT_MS = 40_000;
/** The system cannot say when a lock is free without holding up a thread, so it is asked again, less and less often. */
const FIRST_LOCK_PAUSE_MS = 5;
const LONGEST_LOCK_PAUSE_MS = 250;

/** What an open file needs of its folder. */
export interface FileSurroundings {
  readonly clock: Clock;
  readonly libc: Libc | undefined;
  /** Runs a change of the file. */
  readonly during: <Value>(action: () => Promise<Value>) => Promise<Value>;
  /** Told of each write, before the writer. */
  readonly written: (stats: BigIntStats) => void;
  /** Holds the file while `use` runs, by a path that leads to it. */
  readonly reach: <Value>(use: (at: string) => Value) => Promise<Value>;
}

/**
 * Reads, writes and locks one open file.
 *
 * Operations take turns: older runtimes move the one position of the file for
 * each of them, and two that overlap would read and write each other's place.
 */
export class FolderFile implements OpenFile {
  readonly readable: boolean;
  readonly writable: boolean;
  readonly generation: bigint;
  readonly #handle: FileHandle;
  readonly #surroundings: FileSurroundings;
  readonly #appends: boolean;
  #lastTurn: Promise<unknown> = Promise.resolve();
  #closed = false;
  #lock: number | undefined;
  #stopWaiting: (() => void) | undefined;

  /** @param handle Closed with this file. */
  constructor(handle: FileHandle, access: Access, generation: bigint, surroundings: FileSurroundings) {
    this.#handle = handle;
    this.readable = access === "read" || access === "read_write";
    this.#appends = access === "append";
    this.writable = access !== "read";
    this.generation = generation;
    this.#surroundings = surroundings;
  }

  read(offset: number, length: number): Promise<ReadResult> {
    if (!this.readable) return Promise.reject(new FsError(Errno.EBADF, "handle not readable"));
    return this.#inTurn(async () => {
      const bytes = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await this.#handle.read(bytes, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return { bytes: bytes.subarray(0, filled), eof: filled < length };
    });
  }

  write(offset: number, bytes: Uint8Array): Promise<WriteResult> {
    if (!this.writable) return Promise.reject(new FsError(Errno.EBADF, "handle not writable"));
    return this.#inTurn(() =>
      this.#surroundings.during(async () => {
        let done = 0;
        try {
          while (done < bytes.length) {
            // Without a place, since some systems put a write that names one there and not at the end.
            const place = this.#appends ? null : offset + done;
            const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, place);
            if (bytesWritten === 0) throw new FsError(Errno.EIO, "input/output error: nothing was written");
            done += bytesWritten;
          }
        } finally {
          // Also when the disk is full after a part of it.
          this.#surroundings.written(await this.#handle.stat({ bigint: true }));
        }
        return { n: bytes.length };
      })
    );
  }

  async lock(kind: LockKind, wait: boolean): Promise<void> {
    const { libc, clock } = this.#surroundings;
    if (libc === undefined) throw new FsError(Errno.ENOSYS, "operation not supported");
    this.#stopWaiting?.();
    const deadline = clock.monotonic() + LOCK_WAIT_MS;
    for (let pause = FIRST_LOCK_PAUSE_MS;; pause = Math.min(pause * 2, LONGEST_LOCK_PAUSE_MS)) {
      const taken = await inProtocolWords(async () => {
        // A descriptor of its own: that of the runtime's handle may be known to the runtime alone.
        this.#lock ??= await this.#surroundings.reach((at) => libc.openToLock(at));
        if (this.#closed) return this.#endLock();
        return takes(libc, this.#lock, kind);
      });
      if (taken) return;
      if (this.#closed) throw new FsError(Errno.EBADF, "unknown handle");
      if (!wait) throw new FsError(Errno.EAGAIN, "would block: another handle has the lock");
      if (clock.monotonic() >= deadline) {
        throw new FsError(Errno.EAGAIN, `would block: another handle has kept the lock for ${LOCK_WAIT_MS / 1000} s`);
      }
      const isOver = await this.#pause(pause);
      if (isOver) throw new FsError(Errno.EBADF, "unknown handle: it was closed, or asked for another lock");
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#stopWaiting?.();
    this.#endLock();
    return this.#inTurn(() => this.#handle.close());
  }

  /** Waits; `true` when somebody else ended it. */
  #pause(delayMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#surroundings.clock.after(delayMs, () => {
        this.#stopWaiting = undefined;
        resolve(false);
      });
      this.#stopWaiting = () => {
        cancel();
        this.#stopWaiting = undefined;
        resolve(true);
      };
    });
  }

  #endLock(): false {
    if (this.#lock !== undefined) this.#surroundings.libc?.close(this.#lock);
    this.#lock = undefined;
    return false;
  }

  #inTurn<Value>(action: () => Promise<Value>): Promise<Value> {
    const turn = this.#lastTurn.then(() => inProtocolWords(action));
    this.#lastTurn = turn.catch(() => {});
    return turn;
  }
}

function takes(libc: Libc, descriptor: number, kind: LockKind): boolean {
  try {
    libc.lock(descriptor, kind);
    return true;
  } catch (error) {
    if (hasSystemCode(error, "EAGAIN")) return false;
    throw error;
  }
}
