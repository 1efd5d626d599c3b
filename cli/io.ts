/**
 * What a command may touch of the outside: streams, environment, time, the
 * wish of the user to stop. The real ones come from `main.ts`; a test brings
 * its own.
 *
 * @module
 */

import type { CommandContext } from "@stricli/core";
import type { Clock } from "../drivers/process/mod.ts";
import type { Globals } from "./globals.ts";

/** Where text goes. */
export interface TextStream {
  /** Writes at once; waits, deaf to everything, while nobody reads. */
  write(text: string): void;
  /** Writes and settles when the text was taken; for a command that goes on for as long as somebody reads it. */
  send?(content: string | Uint8Array): Promise<void>;
  /** Whether a person looks at it. */
  readonly isTerminal: boolean;
}

/** The outside world of a command. */
export interface CliIo {
  /** Data. */
  readonly stdout: TextStream;
  /** Talk. */
  readonly stderr: TextStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Fires when the user or the system asks the program to end. A command that
   * never looks at it is ended at once instead.
   */
  readonly interrupted: AbortSignal;
  readonly clock: Clock;
  /**
   * Calls `listener` when the system asks the program to read its configuration
   * again, and returns the function that ends it. Absent where nobody asks so.
   */
  readonly onReloadAsked?: (listener: () => void) => () => void;
  /** Reads standard input to its end. */
  readStdin(): Promise<Uint8Array>;
}

/** What a command's function gets as `this`. */
export interface CliContext extends CommandContext {
  /** Says how the program ends when the command returns; 0 unless called. */
  setExitCode(code: number): void;
  readonly io: CliIo;
  readonly globals: Globals;
  /** Where a shell asks what may come next: the words before that, from the first one on. */
  readonly typed?: readonly string[];
}
