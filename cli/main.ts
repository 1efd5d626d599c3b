/**
 * The program.
 *
 * A process whose environment names a helper role is that helper and nothing
 * else; everybody else gets the command line.
 *
 * @module
 */

import process from "node:process";
import { currentOs, HELPER_VARIABLE, systemClock } from "../drivers/process/mod.ts";
import type { CliIo, TextStream } from "./io.ts";

/** Variable that ends a command when its standard input ends, so that it does not outlive who started it. */
const END_WITH_STDIN = "ZSS_END_WITH_STDIN";

if (import.meta.main) {
  const io = realIo();
  const role = process.env[HELPER_VARIABLE];
  process.exit(role === undefined ? await runCommand(io) : await runHelper(role, Deno.args, io));
}

async function runCommand(io: CliIo): Promise<number> {
  const { runCli } = await import("./app.ts");
  // `deno task demo -- --once` passes the first `--` on; it separates nothing here.
  const args = Deno.args[1] === "--" ? [...Deno.args.slice(0, 1), ...Deno.args.slice(2)] : [...Deno.args];
  return await runCli(args, io);
}

/** Runs a leaf role. It never reaches the command line, so it cannot start the program again. */
async function runHelper(role: string, args: readonly string[], io: CliIo): Promise<number> {
  if (role !== "driver" || args[0] !== "driver" || args.length < 2) {
    io.stderr.write(`error: Cannot run helper "${role}" with ${JSON.stringify(args)}: "driver <name>" is wanted\n`);
    return 3;
  }
  const { runDriverProgram } = await import("./commands/driver.ts");
  try {
    return await runDriverProgram(String(args[1]), args.slice(2), io);
  } catch (error) {
    io.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
}

function realIo(): CliIo {
  const interrupted = new AbortController();
  let isHeeded = false;
  // Who asks twice, or asks a command that does not listen, wants it to end now.
  const stop = () => {
    if (!isHeeded || interrupted.signal.aborted) process.exit(130);
    interrupted.abort();
  };
  for (const signal of currentOs.stopSignals) process.on(signal, stop);
  if (process.env[END_WITH_STDIN] !== undefined) {
    process.stdin.on("end", stop);
    process.stdin.on("error", stop);
    process.stdin.resume();
  }
  return {
    stdout: stream(Deno.stdout),
    stderr: stream(Deno.stderr),
    env: process.env,
    get interrupted() {
      isHeeded = true;
      return interrupted.signal;
    },
    clock: systemClock,
    readStdin: async () => new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer()),
  };
}

/** A stream that is written at once and whole, so that nothing is lost when the process ends. */
function stream(target: typeof Deno.stdout): TextStream {
  return {
    isTerminal: target.isTerminal(),
    write(text) {
      let rest = new TextEncoder().encode(text);
      try {
        while (rest.length > 0) rest = rest.subarray(target.writeSync(rest));
      } catch (error) {
        // Whoever read us has gone, as `head` does; there is nobody left to tell.
        if (error instanceof Deno.errors.BrokenPipe) process.exit(0);
        throw error;
      }
    },
  };
}
