import { terminalWords } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { constants } from "node:os";
import type { FsClient } from "../../control/client/mod.ts";
import { Errno, FsError, TERMINAL_TREE, ZssError } from "../../control/protocol/mod.ts";
import { usageError } from "../errors.ts";
import { Exit } from "../exit.ts";
import { nonEmpty, wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { openNode } from "../node_names.ts";
import { nodeRefusal } from "../node_refusal.ts";
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
  docs: helpPage(
    `Work in a terminal of a node: a shell, or one command.

Without a command it is the login shell of the node's user, in a terminal of its
own: keys, Ctrl-C and changes of the window go there. A tilde and a dot at the
beginning of a line end it; ~? shows the other escapes. With a command, behind
--, that one runs and its output comes back when it has ended; --pty gives it a
terminal. The node offers a terminal when it runs with --terminal-id; which one is
meant need not be said where it has only one.

Examples:
  $ zss node terminal node-1
  $ zss node terminal node-1 1
  $ zss node terminal node-1 1 --pty -- top
  $ zss node terminal node-1 -- ls -l /tmp
  $ zss node terminal node-1 1 -o json -- uname -a

Exit status: that of the shell or the command, 128 and the number of the signal
when one ended it, 127 when it could not be started, 124 when it took too long,
130 when the session was left. Of the program itself:
  1  refused    2  wrong usage    3  node not reachable    4  not allowed    6  the terminal could not`,
    "[--pty] [--cwd path] [--env key=value]... [--timeout-ms ms] <node> [<id>] [-- <command>]",
  ),
  parameters: {
    flags: {
      pty: { kind: "boolean", brief: "give the command a terminal", default: false, withNegated: false },
      cwd: optionalText("folder to work in; that of the node when left out", "path"),
      env: repeatedText("variable to set; repeatable", "key=value"),
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
      parameter: {
        parse: nonEmpty,
        brief: "the node, by id or name; the id of its terminal; behind -- the command",
        placeholder: "node",
        proposeCompletions: terminalWords,
      },
      minimum: 1,
    },
  },
  async func(flags, ...given) {
    const { node, terminalId: wanted, argv } = readWords(given, this.globals.escaped);
    const local = ownTerminal();
    const wantsPty = argv.length === 0 || flags.pty;
    checkUse(this, flags, wantsPty, local);
    let client: FsClient | undefined;
    let nodeId = node;
    let terminalId = wanted;
    try {
      ({ client, id: nodeId } = await openNode(this, node));
      terminalId ??= onlyTerminal(await terminalsOf(client), nodeId, argv.length > 0);
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

/** The words of the command line: those behind `--` are the command, and so are all behind the id of the terminal. */
function readWords(
  given: readonly string[],
  escaped: number,
): { readonly node: string; readonly terminalId: string | undefined; readonly argv: readonly string[] } {
  const [node = "", ...rest] = given;
  const isNamed = rest.length > escaped;
  if (given.length === escaped) throw usageError("Cannot open a terminal: no node is named before --");
  return { node, terminalId: isNamed ? rest[0] : undefined, argv: isNamed ? rest.slice(1) : rest };
}

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
    "run it in one, or give a command: zss node terminal <node> -- <command>",
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
  terminalId: string | undefined,
): Promise<unknown> {
  const what = `use ${terminalId === undefined ? "a terminal" : `terminal "${terminalId}"`} of node "${nodeId}"`;
  if (!(error instanceof FsError) || error.errno !== Errno.ENOENT || client === undefined) {
    return nodeRefusal(error, nodeId, what);
  }
  const ids = await terminalsOf(client).catch(() => []);
  return new ZssError("service_not_found", `Cannot ${what}: the node has no such terminal`, {
    hint: ids.length === 0 ? NO_TERMINAL : `its terminals are ${ids.join(", ")}`,
  });
}

const NO_TERMINAL = "you see none there; a node offers one with zss node run --terminal-id <id>";

/** Ids of the terminals of a node that one may see. */
async function terminalsOf(client: FsClient): Promise<string[]> {
  const names = (await client.exports()).map(({ name }) => name);
  return names.filter((name) => name.startsWith(TERMINAL_TREE)).map((name) => name.slice(TERMINAL_TREE.length)).sort();
}

/** The terminal that is meant where none is named. @throws {ZssError} `service_not_found` or `usage`. */
function onlyTerminal(ids: readonly string[], nodeId: string, hasCommand: boolean): string {
  const [only] = ids;
  if (only === undefined) {
    throw new ZssError("service_not_found", `Cannot use a terminal of node "${nodeId}": the node has none`, {
      hint: NO_TERMINAL,
    });
  }
  if (ids.length === 1) return only;
  throw usageError(
    `Cannot choose a terminal of node "${nodeId}": it has ${ids.length}: ${ids.join(", ")}`,
    `name one: zss node terminal ${nodeId} ${only}${hasCommand ? " -- <command>" : ""}`,
  );
}
