/**
 * Reads the command line, runs the command that it names, says how that ended.
 *
 * @module
 */

import { buildApplication, run, text_en } from "@stricli/core";
import { errorJson, errorLines } from "./errors.ts";
import { Exit, exitCodeOf } from "./exit.ts";
import { asksForJson, type Globals, liftGlobals } from "./globals.ts";
import { tidyHelp } from "./help_text.ts";
import type { CliIo } from "./io.ts";
import { misreadArgument, misreadCommand, withoutProject } from "./misread.ts";
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
    io.stderr.write(asksForJson(argv) ? errorJson(error) : errorLines(error, paint));
    return exitCodeOf(error);
  }
  const shown = (thrown: unknown) => {
    const error = withoutProject(thrown, rest);
    return (globals.output === "json" ? errorJson(error) : errorLines(error, paint)).trimEnd();
  };
  const application = buildApplication(await routeMap(rootRoutes, rest), {
    ...reading,
    determineExitCode: exitCodeOf,
    localization: {
      text: {
        ...text_en,
        exceptionWhileRunningCommand: shown,
        commandErrorResult: shown,
        briefs: {
          ...text_en.briefs,
          help: "show this page",
          argumentEscapeSequence: "take what follows as arguments, not as options",
        },
        exceptionWhileLoadingCommandFunction: shown,
        exceptionWhileLoadingCommandContext: shown,
        exceptionWhileParsingArguments: (error) => shown(misreadArgument(error, rest)),
        noCommandRegisteredForInput: ({ input, corrections }) => shown(misreadCommand(input, corrections, rest)),
      },
    },
  });
  // The parser says all that is wrong with a command line; a program that reads JSON wants one object.
  let isTold = false;
  const stderr: CliIo["stderr"] = {
    isTerminal: io.stderr.isTerminal,
    write(text) {
      if (!isTold || globals.output !== "json") io.stderr.write(text);
      isTold = true;
    },
  };
  const streams: { stdout: CliIo["stdout"]; stderr: CliIo["stderr"]; env: Record<string, string>; exitCode?: number } =
    {
      // Commands print for themselves; what comes here is a page of help.
      stdout: { isTerminal: io.stdout.isTerminal, write: (text) => io.stdout.write(tidyHelp(text)) },
      stderr,
      env: {},
    };
  const setExitCode = (code: number) => void (streams.exitCode = code);
  await run(application, rest, { process: streams, io, globals, setExitCode });
  const code = streams.exitCode ?? Exit.ok;
  // Negative codes are those of the parser: from -4 down the command line is wrong, above that the program is.
  return code >= 0 ? code : code <= -4 ? Exit.usage : Exit.failed;
}
