/**
 * The program as a helper of itself: one job for its parent, and nothing else.
 *
 * It never reaches the command line, so it cannot start the program again.
 *
 * @module
 */

import { errorText } from "../control/protocol/errors.ts";
import { runDriverProgram } from "./commands/driver.ts";
import type { CliIo } from "./io.ts";

/** Runs a leaf role and returns the exit code. */
export async function runHelper(role: string, args: readonly string[], io: CliIo): Promise<number> {
  const [word, first, ...rest] = args;
  try {
    if (role === "driver" && word === "driver" && first !== undefined) {
      return await runDriverProgram(first, rest, io);
    }
    if (role === "inproc" && word === "serve") {
      const { serveLibrary } = await import("../drivers/native_inproc/mod.ts");
      serveLibrary();
      return 0;
    }
    if (role === "wasm" && word === "serve") {
      const { serveModule } = await import("../drivers/wasm/mod.ts");
      serveModule();
      return 0;
    }
    if (role === "inproc" && word === "probe" && first !== undefined && rest[0] !== undefined) {
      const { probeLibrary } = await import("../drivers/native_inproc/mod.ts");
      io.stdout.write(JSON.stringify(probeLibrary(first, rest[0])) + "\n");
      return 0;
    }
  } catch (error) {
    io.stderr.write(`error: ${errorText(error)}\n`);
    return 2;
  }
  io.stderr.write(`error: Cannot run helper "${role}" with ${JSON.stringify(args)}: no such helper\n`);
  return 3;
}
