/**
 * The terminal in front of the person.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { makeTerminalRaw, type PtySize } from "../../drivers/process/mod.ts";
import { stopSignals } from "../../drivers/process/this_system.ts";

/** A terminal, or what stands in for one in a test. */
export interface LocalTerminal {
  /** Whether a person sits at both ends of it. */
  readonly isInteractive: boolean;
  size(): PtySize;
  /** The next keys; `undefined` when there will be none. */
  read(): Promise<Uint8Array | undefined>;
  write(bytes: Uint8Array): Promise<void>;
  /** Calls `listener` when the size has changed. Returns the function that ends it. */
  onResize(listener: () => void): () => void;
  /** Hands over every key as it is pressed, Ctrl-C too. Returns the function that puts everything back. */
  raw(): () => void;
}

/** Puts back what a program on the far side may have left behind: screen, cursor, mouse, bracketed paste, colours. */
const CALM = "\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[0m";

/** The terminal of this program. */
export function ownTerminal(): LocalTerminal {
  const buffer = new Uint8Array(16_384);
  return {
    isInteractive: Deno.stdin.isTerminal() && Deno.stdout.isTerminal(),
    size() {
      const { columns: cols, rows } = Deno.consoleSize();
      // Some terminals say 0 while they are made.
      return { cols: Math.min(1_000, cols || 80), rows: Math.min(1_000, rows || 24) };
    },
    async read() {
      const n = await Deno.stdin.read(buffer);
      return n === null ? undefined : buffer.slice(0, n);
    },
    async write(bytes) {
      for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await Deno.stdout.write(rest));
    },
    onResize(listener) {
      // Windows has no such signal.
      if (!stopSignals.includes("SIGTERM")) return () => {};
      Deno.addSignalListener("SIGWINCH", listener);
      return () => Deno.removeSignalListener("SIGWINCH", listener);
    },
    raw() {
      const putBack = makeTerminalRaw();
      const restore = () => {
        globalThis.removeEventListener("unload", restore);
        putBack();
      };
      // However the program ends, the shell that started it must be usable.
      globalThis.addEventListener("unload", restore);
      return restore;
    },
  };
}

/** What to show when a session was left while a program had the screen. */
export const calmScreen: Uint8Array = Buffer.from(CALM);
