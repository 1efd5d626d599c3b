import { buildCommand } from "@stricli/core";
import { constants } from "node:os";
import type { FsClient } from "../../control/client/mod.ts";
import { Errno, FsError, TERMINAL_TREE, ZssError } from "../../control/protocol/mod.ts";
import { usageError } from "../errors.ts";
import { Exit } from "../exit.ts";
import { nonEmpty, wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { nodeRefusal } from "../node_refusal.ts";
import { remoteOf } from "../remote.ts";
import { outputForm } from "../render/mod.ts";
import { type LocalTerminal, ownTerminal } from "../terminal/local_terminal.ts";
import type { CommandResult } from "../terminal/one_command.ts";
import { optionalText, pairsOf, repeatedText } from "../text_flags.ts";

interface Flags {
  readonly pty: boolean;
  readonly cwd?: string;
  readonly env: string[];
  readonly timeoutMs?: number;
}

/** Variables of this terminal that the far side needs to draw for it. */
const SHOWN_VARIABLES = ["TERM", "COLORTERM"];

/** Bytes of each output of a command that are asked for: the most that a node gives. */
const OUTPUT_BYTES = 1_048_576;

/** `zss node terminal` */
export const command = buildCommand<Flags, string[], CliContext>({
  docs: helpPage(`Work in a terminal of a node: a shell, or one command.

Without a command it is the login shell of the node's user, in a terminal of its
own: keys, Ctrl-C and changes of the window go there. A tilde and a dot at the
beginning of a line end it; ~? shows the other escapes. With a command, behind
--, that one runs and its output comes back when it has ended; --pty gives it a
terminal. The node offers a terminal when it runs with --terminal-id.

Examples:
  $ zss node terminal node-1 1
  $ zss node terminal node-1 1 --pty -- top
  $ zss node terminal node-1 1 -- ls -l /tmp
  $ zss node terminal node-1 1 -o json -- uname -a

Exit status: that of the shell or the command, 128 and the number of the signal
when one ended it, 127 when it could not be started, 124 when it took too long,
130 when the session was left. Of the program itself:
  1  refused    2  wrong usage    3  node not reachable    4  not allowed    6  the terminal could not`),
  parameters: {
    flags: {
      pty: { kind: "boolean", brief: "give the command a terminal", default: false, withNegated: false },
      cwd: optionalText("folder to work in; that of the node when left out", "path"),
      env: repeatedText("variable to set: key=value; repeatable", "variable"),
      timeoutMs: {
        kind: "parsed",
        parse: wholeNumber(1, 600_000),
        brief: "how long the command may run; 30000 when left out",
        optional: true,
        placeholder: "ms",
      },
    },
    positional: {
      kind: "array",
      parameter: { parse: nonEmpty, brief: "ids of node and terminal, and behind -- the command", placeholder: "arg" },
      minimum: 2,
    },
  },
  async func(flags, nodeId = "", terminalId = "", ...argv) {
    const local = ownTerminal();
    const wantsPty = argv.length === 0 || flags.pty;
    checkUse(this, flags, wantsPty, local);
    const { FsClient } = await import("../../control/client/mod.ts");
    const remote = await remoteOf(this);
    let client: FsClient | undefined;
    try {
      client = await FsClient.open({ ...remote, node_id: nodeId, clock: this.io.clock });
      const start = {
        ...(argv.length === 0 ? {} : { argv }),
        ...(flags.cwd === undefined ? {} : { cwd: flags.cwd }),
      };
      const place = { client, tree: `${TERMINAL_TREE}${terminalId}`, local };
      this.setExitCode(
        wantsPty ? await interact(this, flags, place, start) : await runOne(this, flags, place, start),
      );
    } catch (error) {
      throw await withTerminals(error, client, nodeId, terminalId);
    } finally {
      client?.close();
    }
  },
});

/** Where to work, and in front of what. */
interface Place {
  readonly client: FsClient;
  readonly tree: string;
  readonly local: LocalTerminal;
}

function checkUse({ globals }: CliContext, flags: Flags, wantsPty: boolean, local: LocalTerminal): void {
  if (!wantsPty) return;
  if (flags.timeoutMs !== undefined) {
    throw usageError("Cannot use --timeout-ms for a session: it lasts until it ends", "give a command without --pty");
  }
  if (globals.output !== undefined) {
    throw usageError("Cannot use --output for a session: what it shows is no data", "give a command without --pty");
  }
  if (local.isInteractive) return;
  throw usageError(
    "Cannot open a session: standard input and output are not a terminal",
    "run it in one, or give a command: zss node terminal <node> <id> -- <command>",
  );
}

async function interact(
  { io }: CliContext,
  flags: Flags,
  { client, tree, local }: Place,
  start: object,
): Promise<number> {
  const { RemoteSession } = await import("../terminal/remote_session.ts");
  const { workIn } = await import("../terminal/interactive.ts");
  const env = { ...shownVariables(io.env), ...pairsOf(flags.env, "--env") };
  const session = await RemoteSession.open(client, tree, { ...start, ...local.size(), env }, io.clock);
  const end = await workIn(session, local, io.interrupted);
  if (end === "left") {
    io.stderr.write("zss node terminal: the session was ended\n");
    return Exit.interrupted;
  }
  if (end.reason !== "exit") io.stderr.write(`zss node terminal: the node ended the session (${end.reason})\n`);
  return end.exit_code ?? codeOfSignal(end.signal);
}

async function runOne(
  { io, globals }: CliContext,
  flags: Flags,
  { client, tree, local }: Place,
  start: object,
): Promise<number> {
  const { runCommand } = await import("../terminal/one_command.ts");
  const result = await runCommand(client, tree, {
    tool_name: "terminal_exec",
    arguments: {
      ...start,
      env: pairsOf(flags.env, "--env"),
      max_output_bytes: OUTPUT_BYTES,
      ...(flags.timeoutMs === undefined ? {} : { timeout_ms: flags.timeoutMs }),
    },
  }, io.clock);
  if (outputForm(globals.output) === "json") io.stdout.write(JSON.stringify(result, null, 2) + "\n");
  else {
    await show(result, "stdout", (text) => io.stdout.write(text), local);
    await show(result, "stderr", (text) => io.stderr.write(text));
    for (const line of notesOf(result)) io.stderr.write(`note: ${line}\n`);
  }
  return exitCodeOf(result);
}

/** Shows one output; bytes that are no text go out as they are where that is possible. */
async function show(
  result: CommandResult,
  name: "stdout" | "stderr",
  write: (text: string) => void,
  local?: LocalTerminal,
): Promise<void> {
  const bytes = result[`${name}_b64`];
  if (typeof bytes === "string" && local !== undefined) await local.write(Uint8Array.fromBase64(bytes));
  else write(String(result[name] ?? ""));
  // What could not be started is said in a clause, without the end of its line.
  if (name === "stderr" && result["state"] === "launch_failed") write("\n");
}

function notesOf(result: CommandResult): string[] {
  const cut = (["stdout", "stderr"] as const).flatMap((name) =>
    result[`${name}_truncated`] === true
      ? [`${name} was cut: the command wrote ${result[`${name}_bytes`]} bytes, the first ${OUTPUT_BYTES} are shown`]
      : []
  );
  if (result["state"] !== "timed_out") return cut;
  return [...cut, `the command was ended after ${result["duration_ms"]} ms; --timeout-ms gives it more time`];
}

function exitCodeOf(result: CommandResult): number {
  switch (result["state"]) {
    case "exited":
      return Number(result["exit_code"]);
    case "timed_out":
      return Exit.timeout;
    case "launch_failed":
      return 127;
    default:
      return codeOfSignal(result["signal"]);
  }
}

function codeOfSignal(name: unknown): number {
  const number = Object.entries(constants.signals).find(([known]) => known === name)?.[1];
  return 128 + (number ?? 0);
}

function shownVariables(env: CliContext["io"]["env"]): Record<string, string> {
  return Object.fromEntries(SHOWN_VARIABLES.flatMap((name) => env[name] ? [[name, env[name]]] : []));
}

/** The error, and which terminals there are when this one is not. */
async function withTerminals(
  error: unknown,
  client: FsClient | undefined,
  nodeId: string,
  terminalId: string,
): Promise<unknown> {
  const what = `use terminal "${terminalId}" of node "${nodeId}"`;
  if (!(error instanceof FsError) || error.errno !== Errno.ENOENT || client === undefined) {
    return nodeRefusal(error, nodeId, what);
  }
  const exports = await client.exports().catch(() => []);
  const ids = exports.filter(({ name }) => name.startsWith(TERMINAL_TREE)).map(({ name }) =>
    name.slice(TERMINAL_TREE.length)
  );
  return new ZssError("service_not_found", `Cannot ${what}: the node has no such terminal`, {
    hint: ids.length === 0
      ? "it has none; start it with zss node run --terminal-id <id>"
      : `its terminals are ${ids.join(", ")}`,
  });
}
