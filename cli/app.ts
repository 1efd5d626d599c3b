/**
 * Reads the command line, runs the command that it names, says how that ended.
 *
 * @module
 */

import {
  buildApplication,
  buildCommand,
  buildRouteMap,
  type Command,
  type RouteMap,
  run,
  text_en,
} from "@stricli/core";
import { errorJson, errorLines } from "./errors.ts";
import { Exit, exitCodeOf } from "./exit.ts";
import { type Globals, liftGlobals } from "./globals.ts";
import type { CliContext, CliIo } from "./io.ts";
import { paintFor } from "./paint.ts";
import { type Branch, type Leaf, rootRoutes } from "./routes.ts";

/** The word by which a shell asks what may come next. */
export const COMPLETE = "__complete";

/**
 * The part of the tree that the arguments lead to. Where they end at a branch,
 * its commands are only named: nothing of them is needed but a line of its page.
 */
export async function routeMap(branch: Branch, argv: readonly string[]): Promise<RouteMap<CliContext>> {
  const [word = "", ...rest] = argv;
  const routes: Record<string, Command<CliContext> | RouteMap<CliContext>> = {};
  const chosen = Object.hasOwn(branch.routes, word) ? branch.routes[word] : undefined;
  if (chosen !== undefined) routes[word] = await target(chosen, rest);
  else {
    for (const [name, route] of Object.entries(branch.routes)) {
      routes[name] = "routes" in route && route.alone === undefined ? await routeMap(route, []) : named(route.brief);
    }
  }
  return buildRouteMap({ routes, docs: { brief: branch.brief, fullDescription: branch.help } });
}

/** `--version` and `help`, which people type everywhere. */
function usualWords(argv: readonly string[]): readonly string[] {
  const [first, ...rest] = argv;
  if (first === "--version" || first === "-V") return ["version", ...rest];
  return first === "help" ? [...rest, "--help"] : argv;
}

async function target(
  route: Leaf | Branch,
  rest: readonly string[],
): Promise<Command<CliContext> | RouteMap<CliContext>> {
  if (!("routes" in route)) return await route.load();
  const isAlone = rest[0] === undefined || !Object.hasOwn(route.routes, rest[0]);
  return route.alone !== undefined && isAlone ? await route.alone.load() : await routeMap(route, rest);
}

function named(brief: string): Command<CliContext> {
  return buildCommand<Record<never, never>, [], CliContext>({ docs: { brief }, parameters: {}, func() {} });
}

/** How every command line is read. */
export const reading = {
  name: "zss",
  scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
  documentation: { caseStyle: "convert-camel-to-kebab", disableAnsiColor: true },
} as const;

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
