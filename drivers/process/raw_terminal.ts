/**
 * Hands over a terminal as it is: every key as it is pressed, every byte as it is written.
 *
 * The raw mode of the runtime still turns line ends of the output into two
 * characters, which tears apart what a full-screen program on another machine
 * draws.
 *
 * @module
 */

import { currentOs, type Os } from "./os.ts";
import { abiOf } from "./pty_libc.ts";

/** Larger than the settings of a terminal are on any system. */
const SETTINGS_BYTES = 256;

/** When settings take effect: at once, or behind what was written. */
const NOW = 0;
const BEHIND_OUTPUT = 1;

/** Makes the terminal of standard input raw. Returns the function that puts it back as it was. */
export function makeTerminalRaw(os: Os = currentOs): () => void {
  const abi = abiOf(os.name);
  if (abi === undefined) {
    Deno.stdin.setRaw(true);
    return () => Deno.stdin.setRaw(false);
  }
  const library = Deno.dlopen(
    abi.library,
    {
      tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
      tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },
      cfmakeraw: { parameters: ["buffer"], result: "void" },
    } as const,
  );
  const { tcgetattr, tcsetattr, cfmakeraw } = library.symbols;
  const before = new Uint8Array(SETTINGS_BYTES);
  if (tcgetattr(0, before) !== 0) throw new Error("Cannot make standard input raw: it is no terminal");
  const raw = before.slice();
  cfmakeraw(raw);
  tcsetattr(0, NOW, raw);
  return () => {
    tcsetattr(0, BEHIND_OUTPUT, before);
    library.close();
  };
}
