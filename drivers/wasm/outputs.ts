/**
 * What a module writes, in memory and up to a limit.
 *
 * @module
 */

import { Fd, wasi } from "@bjorn3/browser_wasi_shim";
import { joined } from "./sections.ts";

/** Thrown through a module that writes more than it may. */
export class TooMuchOutput extends RangeError {}

/** One output. */
export class Output extends Fd {
  readonly #limit: number;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  /** @param limit In bytes. */
  constructor(limit: number) {
    super();
    this.#limit = limit;
  }

  /** What was written, up to the limit. */
  bytes(): Uint8Array {
    return joined(this.#chunks);
  }

  /** Takes bytes and keeps them. @throws {TooMuchOutput} Beyond the limit; what fits is kept. */
  write(data: Uint8Array): void {
    const room = this.#limit - this.#size;
    const kept = data.length > room ? data.subarray(0, room) : data;
    this.#chunks.push(kept);
    this.#size += kept.length;
    if (data.length > room) throw new TooMuchOutput(`Cannot write ${data.length} bytes: there is room for ${room}`);
  }

  override fd_write(data: Uint8Array): { ret: number; nwritten: number } {
    this.write(data);
    return { ret: wasi.ERRNO_SUCCESS, nwritten: data.length };
  }

  override fd_fdstat_get(): { ret: number; fdstat: wasi.Fdstat | null } {
    // Neither a terminal nor a file, so that a module collects what it writes and seeks nowhere.
    return { ret: wasi.ERRNO_SUCCESS, fdstat: new wasi.Fdstat(wasi.FILETYPE_UNKNOWN, 0) };
  }
}
