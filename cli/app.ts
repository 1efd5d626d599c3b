/**
 * Reads the command line, runs the command that it names, says how that ended.
 *
 * @module
 */

import { buildApplication, run, text_en } from "@stricli/core";
import { errorJson, errorLines } from "./errors.ts";
import { Exit, exitCodeOf } from "./exit.ts";
import { type Globals, liftGlobals } from "./globals.ts";
import type { CliIo } from "./io.ts";
import { paintFor } from "./paint.ts";
import { reading, routeMap } from "./route_map.ts";
import { rootRoutes } from "./routes.ts";

/** The word by which a shell asks what may come next. */
export const COMPLETE = "__complete";

/** `--version` and `help`, which people type everywhere. */
function usualWords(argv: readonly string[]): readonly string[] {
  const [first, ...rest] = argv;
  if (first === "--version" || first === "-V") return ["version", ...rest];
  return first === "help" ? [...rest, "--help"] : argv;
}

/** Runs the command line and returns the program's exit code. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  if (argv[0] === COMPLETE) {
    const { completionLines } = await import("./completion/complete.ts");
    io.stdout.write(await completionLines(argv.slice(1), io));
    return Exit.ok;
  }
  const paint = paintFor(io.stderr, io.env);
  let globals: Globals;
  let rest: string[];
  try {
    ({ globals, rest } = liftGlobals(argv));
    rest = [...usualWords(rest)];
  } catch (error) {
    io.stderr.write(errorLines(error, paint));
    return exitCodeOf(error);
  }
  const shown = (error: unknown) => (globals.output === "json" ? errorJson(error) : errorLines(error, paint)).trimEnd();
  const application = buildApplication(await routeMap(rootRoutes, rest), {
    ...reading,
    determineExitCode: exitCodeOf,
    localization: {
      text: {
        ...text_en,
        exceptionWhileRunningCommand: shown,
        commandErrorResult: shown,
        exceptionWhileParsingArguments: (error) =>
          `error: ${
            error instanceof Error ? error.message : String(error)
          }\n  hint: add --help to see what the command takes`,
        noCommandRegisteredForInput: ({ input, corrections }) =>
          `error: Cannot run "${input}": no such command\n  hint: ${
            corrections.length > 0 ? `did you mean ${corrections.join(" or ")}?` : "zss --help shows the commands"
          }`,
      },
    },
  });
  const streams: { stdout: CliIo["stdout"]; stderr: CliIo["stderr"]; env: Record<string, string>; exitCode?: number } =
    {
      stdout: io.stdout,
      stderr: io.stderr,
      env: {},
    };
  const setExitCode = (code: number) => void (streams.exitCode = code);
  await run(application, rest, { process: streams, io, globals, setExitCode });
  const code = streams.exitCode ?? Exit.ok;
  // Negative codes are those of the parser: from -4 down the command line is wrong, above that the program is.
  return code >= 0 ? code : code <= -4 ? Exit.usage : Exit.failed;
}
