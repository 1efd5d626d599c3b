/**
 * The command tree.
 *
 * A command's file holds its flags and its help and is small; what it needs to
 * do its work is loaded when it is called. Adding a command is adding a file
 * and a line here.
 *
 * @module
 */

import { buildApplication, buildRouteMap, run, text_en } from "@stricli/core";
import { demoCommand } from "./commands/demo.ts";
import { driverCommand } from "./commands/driver.ts";
import { manifestLintCommand } from "./commands/manifest_lint.ts";
import { nodeInfoCommand } from "./commands/node_info.ts";
import { nodeInviteCommand } from "./commands/node_invite.ts";
import { nodeListCommand } from "./commands/node_list.ts";
import { nodeRunCommand } from "./commands/node_run.ts";
import { nodeServiceGetCommand } from "./commands/node_service_get.ts";
import { nodeServiceRuntimeCommand } from "./commands/node_service_runtime.ts";
import { nodeWatchCommand } from "./commands/node_watch.ts";
import { serverCommand } from "./commands/server.ts";
import { versionCommand } from "./commands/version.ts";
import { errorJson, errorLines } from "./errors.ts";
import { Exit, exitCodeOf } from "./exit.ts";
import { type Globals, globalsHelp, liftGlobals } from "./globals.ts";
import type { CliIo } from "./io.ts";
import { paintFor } from "./paint.ts";

const node = buildRouteMap({
  routes: {
    run: nodeRunCommand,
    watch: nodeWatchCommand,
    list: nodeListCommand,
    info: nodeInfoCommand,
    invite: nodeInviteCommand,
    "service-get": nodeServiceGetCommand,
    "service-runtime": nodeServiceRuntimeCommand,
  },
  docs: {
    brief: "run a node, or look at those that run",
    fullDescription: `Run a node, or look at those that run.

Examples:
  $ zss node run --control-url ws://127.0.0.1:18790 --invite-token inv-...
  $ zss node list
  $ zss node watch

${globalsHelp}`,
  },
});

const manifest = buildRouteMap({
  routes: { lint: manifestLintCommand },
  docs: {
    brief: "work with service manifests",
    fullDescription: `Work with service manifests.

Examples:
  $ zss manifest lint services.d`,
  },
});

const root = buildRouteMap({
  routes: {
    demo: demoCommand,
    server: serverCommand,
    node,
    manifest,
    driver: driverCommand,
    version: versionCommand,
  },
  docs: {
    brief: "the services of many machines as one tree of files",
    fullDescription: `The services of many machines as one tree of files.

Start with:
  $ zss demo            see it work, on this machine alone
  $ zss server          run the control plane
  $ zss node run        serve this machine's services

Every command has --help with examples.

${globalsHelp}`,
  },
});

/** Runs the command line and returns the program's exit code. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const paint = paintFor(io.stderr, io.env);
  let globals: Globals;
  let rest: string[];
  try {
    ({ globals, rest } = liftGlobals(argv));
  } catch (error) {
    io.stderr.write(errorLines(error, paint));
    return exitCodeOf(error);
  }
  const shown = (error: unknown) => (globals.output === "json" ? errorJson(error) : errorLines(error, paint)).trimEnd();
  const application = buildApplication(root, {
    name: "zss",
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
    documentation: { caseStyle: "convert-camel-to-kebab", disableAnsiColor: true },
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
