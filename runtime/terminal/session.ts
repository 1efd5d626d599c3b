/**
 * A program in a terminal, and who looks at it.
 *
 * Output waits for its reader: while more than a window of it is unread, the
 * program is not read either, and so has to wait, as behind a slow line. Of
 * what was read, the newest part is kept for a reader who comes back. A session
 * that nobody has looked at for a while is ended: a reader that went away, or
 * whose connection broke, leaves nothing behind.
 *
 * @module
 */

import { Errno, FsError } from "../../control/protocol/mod.ts";
import type { CancelTimer, Clock, ProgramExit, Pty, PtySize } from "../../drivers/process/mod.ts";
import type { ReadResult } from "../namespace/tree.ts";
import { OutputRing } from "./output_ring.ts";

/** How long a read of the output waits for some, in milliseconds; less than anything on the way waits for an answer. */
export const READ_WAIT_MS = 15_000;

/** How long a session lives that nobody looks at, in milliseconds. */
export const UNATTENDED_MS = 20_000;

/** How long a program may take to end when its terminal is gone, in milliseconds. */
const HANG_UP_MS = 1_000;

/** Bytes of output that wait for the reader before the program has to. */
const UNREAD_BYTES = 262_144;

/** Bytes of output that are kept. */
const KEPT_BYTES = 2 * UNREAD_BYTES;

/** Bytes typed that the program has not taken yet. */
const PENDING_BYTES = 65_536;

/** Why a session ended. `exit`: its program did. */
export type SessionEnd = "exit" | "closed" | "unattended" | "service";

/** What a session is made of. */
export interface SessionOptions {
  readonly id: string;
  readonly pty: Pty;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly size: PtySize;
  readonly clock: Clock;
  /** Called after what `status` says has changed. */
  readonly onChange: () => void;
}

/** A program in a terminal. */
export class Session {
  readonly id: string;
  /** Resolves when the program has ended and all of its output is kept. */
  readonly ended: Promise<void>;
  readonly #options: SessionOptions;
  readonly #pty: Pty;
  readonly #clock: Clock;
  readonly #output = new OutputRing(KEPT_BYTES);
  readonly #openedMs: number;
  /** Those who wait for output or the end. */
  readonly #waiting = new Set<() => void>();
  #size: PtySize;
  #readers = 0;
  #seen = 0;
  #pendingBytes = 0;
  #roomWanted: (() => void) | undefined;
  #cancelUnattended: CancelTimer | undefined;
  #cancelKill: CancelTimer | undefined;
  #end: SessionEnd | undefined;
  #exit: ProgramExit | undefined;
  #isOver = false;

  constructor(options: SessionOptions) {
    this.id = options.id;
    this.#options = options;
    this.#pty = options.pty;
    this.#clock = options.clock;
    this.#size = options.size;
    this.#openedMs = Math.trunc(options.clock.now());
    this.#pty.exited.then((exit) => this.#exited(exit));
    this.ended = this.#pump();
    this.#attend();
  }

  /** Whether the program has ended and all of its output is kept. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Offset behind the last byte of output so far. */
  get outputEnd(): number {
    return this.#output.end;
  }

  get size(): PtySize {
    return this.#size;
  }

  /** What `status.json` says. */
  status(): Record<string, unknown> {
    const { argv, cwd } = this.#options;
    return {
      session: this.id,
      state: this.#isOver ? "exited" : this.#end === undefined ? "running" : "ending",
      ...(this.#end === undefined ? {} : { reason: this.#end }),
      pid: this.#pty.pid,
      argv,
      cwd,
      ...this.#size,
      opened_ms: this.#openedMs,
      output_start: this.#output.start,
      output_end: this.#output.end,
      exit_code: this.#exit?.code ?? null,
      signal: this.#exit?.signal ?? null,
    };
  }

  /**
   * Output from `offset` on; waits for some, up to {@linkcode READ_WAIT_MS}.
   *
   * Tells that everything before `offset` has been seen. `eof` when the program has ended and nothing more comes.
   *
   * @throws {FsError} `ERANGE` for an offset whose bytes were dropped; status.json says which are kept.
   */
  async read(offset: number, length: number): Promise<ReadResult> {
    this.#see(offset);
    this.#readers++;
    this.#attend();
    try {
      if (length > 0 && offset >= this.#output.end && !this.#isOver) await this.#news();
    } finally {
      this.#readers--;
      this.#attend();
    }
    if (offset < this.#output.start) {
      throw new FsError(
        Errno.ERANGE,
        `range error: the output before byte ${this.#output.start} was dropped, and byte ${offset} is asked for`,
      );
    }
    const bytes = this.#output.read(offset, length);
    return { bytes, eof: this.#isOver && offset + bytes.length >= this.#output.end };
  }

  /**
   * Types bytes.
   *
   * @throws {FsError} `EAGAIN` while the program does not take what was typed before, `EIO` when it has ended.
   */
  write(bytes: Uint8Array): void {
    this.#requireRunning();
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes.length > PENDING_BYTES) {
      throw new FsError(Errno.EAGAIN, "would block: the program does not take what was typed");
    }
    this.#pendingBytes += bytes.length;
    this.#pty.write(bytes).then(() => this.#pendingBytes -= bytes.length);
    this.#attend();
  }

  /** @throws {FsError} `EIO` when the program has ended. */
  resize(size: PtySize): void {
    this.#requireRunning();
    this.#attend();
    if (size.cols === this.#size.cols && size.rows === this.#size.rows) return;
    this.#size = size;
    this.#pty.resize(size);
    this.#options.onChange();
  }

  /** Tells the session that somebody is there. */
  attend(): void {
    this.#attend();
  }

  /** Ends the session: hangs up, and kills what has not gone a second later. */
  async close(reason: SessionEnd): Promise<void> {
    if (!this.#isOver && this.#end === undefined) {
      this.#end = reason;
      this.#cancelUnattended?.();
      this.#pty.hangUp();
      this.#cancelKill = this.#clock.after(HANG_UP_MS, () => this.#pty.kill());
      this.#roomWanted?.();
      this.#options.onChange();
    }
    await this.ended;
  }

  async #pump(): Promise<void> {
    for (;;) {
      await this.#room();
      const bytes = await this.#pty.read();
      // Who left the session and kept the terminal open holds up nobody.
      if (bytes === undefined || (bytes.length === 0 && this.#exit !== undefined)) break;
      if (bytes.length === 0) continue;
      this.#output.append(bytes);
      this.#wake();
    }
    await this.#pty.exited;
    await this.#pty.close();
    this.#cancelKill?.();
    this.#isOver = true;
    this.#wake();
    this.#options.onChange();
  }

  /** Resolves when the reader has seen enough for more to come, or when the end is near: what is left then is little. */
  async #room(): Promise<void> {
    while (this.#end === undefined && this.#output.end - this.#seen >= UNREAD_BYTES) {
      await new Promise<void>((resolve) => this.#roomWanted = resolve);
    }
  }

  #see(offset: number): void {
    this.#seen = Math.max(this.#seen, Math.min(offset, this.#output.end));
    this.#roomWanted?.();
  }

  #exited(exit: ProgramExit): void {
    this.#exit = exit;
    this.#end ??= "exit";
    this.#cancelUnattended?.();
    this.#roomWanted?.();
    // At once: while one of its processes lives, the number of the session is not given to another.
    this.#pty.kill();
    this.#options.onChange();
  }

  /** Waits for output or the end, but not for ever. */
  #news(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        this.#waiting.delete(done);
        resolve();
      };
      const cancel = this.#clock.after(READ_WAIT_MS, done);
      this.#waiting.add(done);
    });
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }

  #attend(): void {
    this.#cancelUnattended?.();
    this.#cancelUnattended = undefined;
    if (this.#end !== undefined || this.#readers > 0) return;
    this.#cancelUnattended = this.#clock.after(UNATTENDED_MS, () => void this.close("unattended"));
  }

  #requireRunning(): void {
    if (this.#end === undefined) return;
    throw new FsError(Errno.EIO, "input/output error: the session has ended");
  }
}
