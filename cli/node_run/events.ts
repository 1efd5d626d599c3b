/**
 * What `zss node run` says of what happens in its node.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { NodeEvent } from "../../runtime/mod.ts";
import { diagnosticLines } from "../diagnostics.ts";
import type { CliIo } from "../io.ts";
import { type Paint, paintFor } from "../paint.ts";

const log = getLogger(["zss", "node"]);

/** Events that somebody should look at. */
const troubles: ReadonlySet<NodeEvent["type"]> = new Set(
  [
    "catalog_refused",
    "lost",
    "waiting_for_server",
    "invite_refused",
    "invite_unusable",
    "identity_lost",
    "token_refused",
  ] as const,
);

/** Says events to a person: trouble on standard error, the rest on standard output. */
export function sayAsText(io: Pick<CliIo, "stdout" | "stderr" | "env">): (event: NodeEvent) => void {
  const paint = paintFor(io.stderr, io.env);
  return (event) => {
    const text = eventText(event, paint);
    if (text !== "") (isTrouble(event) ? io.stderr : io.stdout).write(text);
  };
}

/** Says events to a program: each is a record of the log, whose properties are its members. */
export function sayAsRecords(): (event: NodeEvent) => void {
  return (event) => {
    const [text = ""] = eventText(event, plain).split("\n");
    const { type, ...members } = event;
    const properties = { event: type, ...members };
    if (text === "") log.debug(type, properties);
    else if (isTrouble(event)) log.warn(asTemplate(text), properties);
    else log.info(asTemplate(text), properties);
  };
}

/** A text in which the log finds no place for a property. */
export function asTemplate(text: string): string {
  return text.replace(/[{}]/g, "$&$&");
}

/** Whether somebody should look at it; that something has become better, or was wanted, is news and no trouble. */
function isTrouble(event: NodeEvent): boolean {
  switch (event.type) {
    case "findings":
      return event.findings.length > 0;
    case "service":
      return event.state !== "online" && !event.wanted;
    default:
      return troubles.has(event.type);
  }
}

const plain = paintFor({ isTerminal: false }, {});

/** One event for a person; empty where there is nothing to say. */
export function eventText(event: NodeEvent, paint: Paint = plain): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  switch (event.type) {
    case "paired":
      return event.resumed
        ? `zss node ${event.node_id} (${event.node_name}) resumed\n`
        : `zss node ${event.node_id} (${event.node_name}) paired\n`;
    case "online":
      return `zss node online: ${event.services} service${event.services === 1 ? "" : "s"} published\n`;
    case "listening":
      return `zss node listening on ${event.url}: ${event.trees} tree${event.trees === 1 ? "" : "s"} served\n`;
    case "published":
    case "lease_refreshed":
      return "";
    case "catalog_refused":
      return `zss node: the server refuses the catalog, the last one stays: ${event.reason}\n`;
    case "lost":
      return `zss node offline: ${event.reason}; next try in ${seconds(event.retry_in_ms)}\n`;
    case "waiting_for_server":
      return `zss node waits: ${event.reason}; next try in ${seconds(event.retry_in_ms)}\n`;
    case "identity_lost":
      return `zss node pairs again: ${event.reason}; what it was is kept in ${event.kept_as}\n`;
    case "asks_to_join":
      return `zss node asks to join as ${event.request_id}${
        event.code === "" ? "" : `, code ${paint.bold(event.code)}`
      }\n` +
        `  an admin compares the code and approves: zss node approve ${event.request_id}\n`;
    case "invite_unusable":
      return `zss node cannot use its invite again, so it asks to join: ${event.reason}\n`;
    case "invite_refused":
      return `zss node cannot pair: ${event.reason} [${event.code}]; it tries again every ${
        seconds(event.retry_in_ms)
      }\n` +
        "  another invite: zss node invite; a file that --invite-token-file names is read anew each time\n";
    case "token_refused":
      return `zss node goes on without the bearer token, which a node does not need: ${event.reason}\n`;
    case "findings":
      return event.findings.length > 0 ? diagnosticLines(event.findings, paint) : leftText(event.left);
    case "service":
      return event.reason === null
        ? `zss node: service "${event.service_id}" is ${event.state} again\n`
        : `zss node: service "${event.service_id}" is ${event.state}: ${event.reason}\n`;
    case "reloaded": {
      const { added, replaced, removed } = event.change;
      const part = (sign: string, ids: readonly string[]) => ids.map((id) => `${sign}${id}`);
      const parts = [...part("+", added), ...part("~", replaced), ...part("-", removed)];
      return `zss node reloaded: ${parts.length === 0 ? "nothing has changed" : parts.join(" ")}\n`;
    }
  }
}

/** What is left of findings of which some are gone and none is new. */
function leftText({ error, warning, info }: Extract<NodeEvent, { type: "findings" }>["left"]): string {
  if (error + warning + info === 0) return "zss node: all manifests are in order again\n";
  const count = (n: number, what: string) => n === 0 ? [] : [`${n} ${what}${n === 1 ? "" : "s"}`];
  const parts = [...count(error, "error"), ...count(warning, "warning"), ...count(info, "remark")];
  return `zss node: some findings are gone, ${parts.join(" and ")} ${
    error + warning + info === 1 ? "is" : "are"
  } left\n`;
}
