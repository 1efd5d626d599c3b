import { buildCommand } from "@stricli/core";
import { driverPrograms } from "../../drivers/builtin/mod.ts";
import { sleep } from "../../drivers/process/clock.ts";
import { usageError } from "../errors.ts";
import { nonEmpty } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext, CliIo } from "../io.ts";

/** `zss driver` */
export const command = buildCommand<Record<never, never>, string[], CliContext>({
  docs: helpPage(`Run one of the drivers that ship inside zss: JSON object in on standard input,
JSON out on standard output, reasons on standard error.

  echo   answers with its payload
  sleep  waits sleep_ms of its payload, then answers
  fail   fails with exit_code and message of its payload

In a manifest: "executable_path": "zss", "args": ["driver", "echo"]

Examples:
  $ echo '{"text":"hello"}' | zss driver echo
  $ echo '{"sleep_ms":50}' | zss driver sleep`),
  parameters: {
    positional: {
      kind: "array",
      parameter: { parse: nonEmpty, brief: "name of the driver, and behind -- its own flags", placeholder: "name" },
      minimum: 1,
    },
  },
  async func(_flags, name = "", ...args) {
    this.setExitCode(await runDriverProgram(name, args, this.io));
  },
});

/** Runs a driver by its name and returns its exit code. */
export async function runDriverProgram(name: string, args: readonly string[], io: CliIo): Promise<number> {
  const program = Object.hasOwn(driverPrograms, name) ? driverPrograms[name] : undefined;
  if (program === undefined) {
    throw usageError(
      `Cannot run driver "${name}": no such driver`,
      `the drivers are ${Object.keys(driverPrograms).join(", ")}`,
    );
  }
  return await program({
    args,
    readStdin: () => io.readStdin(),
    stdout: (text) => io.stdout.write(text),
    stderr: (text) => io.stderr.write(text),
    now: () => io.clock.now(),
    sleep: (ms) => sleep(io.clock, ms),
  });
}
