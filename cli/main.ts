/**
 * The program.
 *
 * A process whose environment names a helper role is that helper and nothing
 * else; everybody else gets the command line.
 *
 * @module
 */

import { ZssError } from "../control/protocol/errors.ts";
import { systemClock } from "../drivers/process/clock.ts";
import { HELPER_VARIABLE } from "../drivers/process/helper_role.ts";
import { reloadSignal, stopSignals } from "../drivers/process/this_system.ts";
import { runCli } from "./app.ts";
import type { CliIo, TextStream } from "./io.ts";

/** Variable that ends a command when its standard input ends, so that it does not outlive who started it. */
const END_WITH_STDIN = "ZSS_END_WITH_STDIN";

if (import.meta.main) {
  const io = realIo();
  const role = Deno.env.get(HELPER_VARIABLE);
  Deno.exit(role === undefined ? await runCommand(io) : await runRole(role, io));
}

// Imported at once although a helper does not need it: a second round of loading would cost every command 5 ms.
async function runCommand(io: CliIo): Promise<number> {
  // `deno task demo -- --once` passes the first `--` on; it separates nothing here.
  const args = Deno.args[1] === "--" ? [...Deno.args.slice(0, 1), ...Deno.args.slice(2)] : [...Deno.args];
  return await runCli(args, io);
}

async function runRole(role: string, io: CliIo): Promise<number> {
  // A computed address: for a literal one the runtime would read what helpers need before any command.
  const { runHelper }: typeof import("./helper.ts") = await import(new URL("./helper.ts", import.meta.url).href);
  return await runHelper(role, Deno.args, io);
}

function realIo(): CliIo {
  const interrupted = new AbortController();
  let isHeeded = false;
  // Who asks twice, or asks a command that does not listen, wants it to end now.
  const stop = () => {
    if (!isHeeded || interrupted.signal.aborted) Deno.exit(130);
    interrupted.abort();
  };
  for (const signal of stopSignals) Deno.addSignalListener(signal, stop);
  if (Deno.env.get(END_WITH_STDIN) !== undefined) void untilStdinEnds().then(stop);
  return {
    stdout: stream(Deno.stdout),
    stderr: stream(Deno.stderr),
    env: Deno.env.toObject(),
    get interrupted() {
      isHeeded = true;
      return interrupted.signal;
    },
    clock: systemClock,
    // Without a terminal nobody has hung up: the signal then comes from a service manager.
    ...(reloadSignal === undefined || Deno.stdin.isTerminal() ? {} : { onReloadAsked: listenTo(reloadSignal) }),
    readStdin: async () => new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer()),
  };
}

function listenTo(signal: Deno.Signal): (listener: () => void) => () => void {
  return (listener) => {
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  };
}

async function untilStdinEnds(): Promise<void> {
  const buffer = new Uint8Array(1024);
  try {
    while (await Deno.stdin.read(buffer) !== null);
  } catch {
    // A broken input has ended too.
  }
}

/** A stream that is written whole, so that nothing is lost when the process ends. */
function stream(target: typeof Deno.stdout): TextStream {
  return {
    isTerminal: target.isTerminal(),
    write(text) {
      let rest = new TextEncoder().encode(text);
      try {
        while (rest.length > 0) rest = rest.subarray(target.writeSync(rest));
      } catch (error) {
        throw cannotWrite(error);
      }
    },
    async send(content) {
      let rest = typeof content === "string" ? new TextEncoder().encode(content) : content;
      try {
        while (rest.length > 0) rest = rest.subarray(await target.write(rest));
      } catch (error) {
        throw cannotWrite(error);
      }
    },
  };
}

function cannotWrite(error: unknown): unknown {
  // Whoever read us has gone, as `head` does; there is nobody left to tell.
  if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0);
  if (!(error instanceof Error)) return error;
  return new ZssError("io", `Cannot write the output: ${error.message}`, {
    hint: "check the space where it goes",
    cause: error,
  });
}
