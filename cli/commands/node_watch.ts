import { nodeArgument } from "../completion/known_arguments.ts";
import { buildCommand } from "@stricli/core";
import { isObject } from "../../control/protocol/envelope.ts";
import { ZssError } from "../../control/protocol/errors.ts";
import type { WatchItem, WatchPosition } from "../../control/client/mod.ts";
import { usageError } from "../errors.ts";
import { Exit } from "../exit.ts";
import { nonEmpty, wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext, TextStream } from "../io.ts";
import { paintFor } from "../paint.ts";
import { nodeIdOf } from "../node_names.ts";
import { remoteOf, withConnection } from "../remote.ts";
import { cleanText } from "../render/table.ts";
import { changeLines, eventLine } from "../render/event.ts";
import { outputForm } from "../render/mod.ts";

interface Flags {
  readonly replayLimit: number;
  readonly since?: string;
  readonly detail?: "full" | "delta";
  readonly snapshot: boolean;
  readonly changedOnly: boolean;
  readonly untilSynced: boolean;
  readonly until?: "online" | "offline" | "deleted";
  readonly timeout?: number;
  readonly strict: boolean;
}

const flag = (brief: string) => ({ kind: "boolean", brief, default: false, withNegated: false }) as const;

/** `zss node watch` */
export const command = buildCommand<Flags, [string?], CliContext>({
  docs: helpPage(`Show each change of the catalog as it happens: of one node, or of all.

One line per event, and below it what changed; with --json one JSON object per
line. A lost connection is made again and the watch goes on where it was; what is
missed for good is said. Ctrl-C ends the watch.

Examples:
  $ zss node watch
  $ zss node watch node-1 --replay-limit 5
  $ zss node watch --json | jq .service_delta
  $ zss node watch --since 4f0c1d2e3b4a5968:120 --strict
  $ zss node watch node-1 --until online --timeout 30000

Exit status:
  0  --until or --until-synced was reached    3  the server refused to go on
  4  not allowed    5  events are gone, with --strict    124  --timeout    130  interrupted`),
  parameters: {
    flags: {
      replayLimit: {
        kind: "parsed",
        parse: wholeNumber(0, 10_000),
        brief: "how many past events to show first",
        default: "25",
        placeholder: "n",
      },
      since: {
        kind: "parsed",
        parse: nonEmpty,
        brief: "go on behind this place, as an event or a marker gives it",
        optional: true,
        placeholder: "epoch:revision",
      },
      detail: {
        kind: "enum",
        values: ["full", "delta"],
        brief: "all services in each event, or those that changed",
        optional: true,
      },
      snapshot: flag("show every node as it is first"),
      changedOnly: flag("hide events that change no service"),
      untilSynced: flag("end when everything up to now has been shown"),
      until: {
        kind: "enum",
        values: ["online", "offline", "deleted"],
        brief: "end when the node is that",
        optional: true,
      },
      timeout: {
        kind: "parsed",
        parse: wholeNumber(1, 2_000_000_000),
        brief: "end with 124 after so many milliseconds",
        optional: true,
        placeholder: "ms",
      },
      strict: flag("end with 5 when events are gone"),
    },
    positional: {
      kind: "tuple",
      parameters: [{ ...nodeArgument("id or name of the node; all nodes without it"), optional: true }],
    },
  },
  async func(flags, given) {
    const { io, globals } = this;
    const form = outputForm(globals.output);
    const json = form === "json";
    const { parsePosition, watchCatalog } = await import("../../control/client/mod.ts");
    const since = flags.since === undefined ? undefined : parsePosition(flags.since);
    if (flags.since !== undefined && since === undefined) {
      throw usageError(`Cannot watch since "${flags.since}": <epoch>:<revision> is wanted`, "an event shows both");
    }
    if (flags.until !== undefined && given === undefined) {
      throw usageError("Cannot watch until a state: no node is named", "zss node watch node-1 --until online");
    }
    const deadline = new AbortController();
    const stop = AbortSignal.any([io.interrupted, deadline.signal]);
    if (form === "yaml" || form === "name") {
      throw usageError(
        `Cannot watch with -o ${form}: a stream is printed as table or json`,
        "leave -o out, or use --json",
      );
    }
    const nodeId = given === undefined ? undefined : await watchedNode(this, given);
    const cancel = flags.timeout === undefined ? () => {} : io.clock.after(flags.timeout, () => deadline.abort());
    const show = new Show(this, nodeId, json, flags.changedOnly);
    try {
      const items = watchCatalog({
        ...await remoteOf(this),
        clock: io.clock,
        random: Math.random,
        nodeId,
        since,
        replayLimit: flags.replayLimit,
        snapshot: flags.snapshot || (flags.until !== undefined && since === undefined),
        ...(flags.detail === undefined ? {} : { detail: flags.detail }),
        strict: flags.strict,
        signal: stop,
      });
      const state = new NodeState();
      const ended = whenAborted(stop);
      for await (const item of items) {
        // Whoever reads us may have stopped; that must not keep us from ending.
        if (await Promise.race([show.item(item), ended]) === "aborted") break;
        if (flags.untilSynced && item.type === "synced") return;
        if (flags.until !== undefined && state.after(item) === flags.until) return;
      }
      this.setExitCode(io.interrupted.aborted ? Exit.interrupted : Exit.timeout);
    } catch (error) {
      if (!(error instanceof ZssError) || (error.code !== "history_gone" && error.code !== "epoch_changed")) {
        throw error;
      }
      show.refused(error);
      this.setExitCode(Exit.gap);
    } finally {
      cancel();
    }
  },
});

/** Id of the node; says when the server knows none of that id or name: it may join later, or the word is wrong. */
async function watchedNode(context: CliContext, given: string): Promise<string> {
  try {
    return await withConnection(context, (connection) => nodeIdOf(connection, given));
  } catch (error) {
    if (error instanceof ZssError && error.code === "usage") throw error;
    // A server that cannot be reached is waited for, or refused, by the watch itself.
    if (!(error instanceof ZssError) || error.code !== "node_not_found") return given;
    context.io.stderr.write(
      `note: the server knows no node "${given}" (zss node list shows those there are); waiting for it to join\n`,
    );
    return given;
  }
}

/** Settles when a signal fires. */
function whenAborted(signal: AbortSignal): Promise<"aborted"> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve("aborted");
    else signal.addEventListener("abort", () => resolve("aborted"), { once: true });
  });
}

async function send(stream: TextStream, text: string): Promise<void> {
  if (stream.send === undefined) stream.write(text);
  else await stream.send(text);
}

/** The state of the one node that is watched. */
class NodeState {
  #state: unknown;
  #isSynced = false;

  /** What is known after an item; nothing before everything past was seen. */
  after(item: WatchItem): unknown {
    if (item.type === "snapshot") this.#state = item.payload["state"];
    if (item.type === "event") this.#state = stateIn(item.payload["event"]) ?? this.#state;
    if (item.type === "synced") {
      this.#isSynced = true;
      this.#state ??= "deleted";
    }
    return this.#isSynced ? this.#state : undefined;
  }
}

/** What an event says about the state; an upsert says nothing. */
function stateIn(event: unknown): string | undefined {
  const kind = isObject(event) ? event["kind"] : undefined;
  if (kind === "join" || kind === "online") return "online";
  return kind === "offline" || kind === "deleted" ? kind : undefined;
}

/** Prints items: data to standard output, talk to standard error. */
class Show {
  readonly #context: CliContext;
  readonly #what: string;
  readonly #json: boolean;
  readonly #changedOnly: boolean;
  #isStarted = false;

  constructor(context: CliContext, nodeId: string | undefined, json: boolean, changedOnly: boolean) {
    this.#context = context;
    this.#what = nodeId === undefined ? "all nodes" : `node ${nodeId}`;
    this.#json = json;
    this.#changedOnly = changedOnly;
  }

  async item(item: WatchItem): Promise<void> {
    const { stdout, stderr } = this.#context.io;
    switch (item.type) {
      case "started":
        stderr.write(
          this.#isStarted
            ? "watching again\n"
            : `watching ${this.#what} (replay_limit=${item.ack["replay_limit"]}, Ctrl+C to stop)\n`,
        );
        this.#isStarted = true;
        return;
      case "event":
        if (this.#changedOnly && !isChange(item.payload)) return;
        return await send(stdout, this.#json ? line(item.payload) : this.#eventText(item.payload));
      case "snapshot":
        return await send(
          stdout,
          this.#json ? line({ kind: "snapshot", ...item.payload }) : snapshotText(item.payload),
        );
      case "synced":
        return this.#marker("synced", item.position);
      case "bookmark":
        return;
      case "reconnecting":
        // Who has never been connected has probably the wrong address.
        if (!this.#isStarted) throw item.error;
        stderr.write(`${cleanText(item.error.message)}; trying again in ${item.retry_in_ms} ms\n`);
        return;
      case "gap":
        stderr.write(`${cleanText(item.error.message)}; some events are lost, going on with the state as it is now\n`);
        if (this.#json) stdout.write(line({ kind: "gap", code: item.error.code, ...item.error.data }));
    }
  }

  /** Says why a strict watch ends. */
  refused(error: ZssError): void {
    this.#context.io.stderr.write(`error: ${cleanText(error.message)} [${error.code}]\n`);
    if (this.#json) this.#context.io.stdout.write(line({ kind: "gap", code: error.code, ...error.data }));
  }

  #marker(kind: string, position: WatchPosition): void {
    const { stdout, stderr } = this.#context.io;
    if (this.#json) stdout.write(line({ kind, ...position }));
    else if (this.#context.globals.verbose) stderr.write(`${kind} ${position.epoch}:${position.revision}\n`);
  }

  #eventText(payload: Readonly<Record<string, unknown>>): string {
    const { io, globals } = this.#context;
    const paint = paintFor(io.stdout, io.env);
    const more = globals.verbose ? `${JSON.stringify(payload, null, 2).split("\n").map(cleanText).join("\n")}\n` : "";
    return eventLine(payload) + changeLines(payload, paint) + more;
  }
}

function isChange(payload: Readonly<Record<string, unknown>>): boolean {
  const { event, service_delta: delta } = payload;
  return (!isObject(event) || event["kind"] === "upsert") && isObject(delta) && delta["changed"] === true;
}

function snapshotText(payload: Readonly<Record<string, unknown>>): string {
  const services = Array.isArray(payload["services"]) ? payload["services"].length : 0;
  const [node, state] = [payload["node_id"], payload["state"]].map((one) => cleanText(String(one)));
  return `node_service_snapshot node=${node} state=${state} services=${services}\n`;
}

function line(value: unknown): string {
  return JSON.stringify(value) + "\n";
}
