import { buildCommand } from "@stricli/core";
import type { PushedFrame } from "../../control/client/mod.ts";
import { isObject } from "../../control/protocol/envelope.ts";
import { ZssError } from "../../control/protocol/errors.ts";
import { Exit } from "../exit.ts";
import { nonEmpty, wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { withConnection } from "../remote.ts";
import { cleanText, outputForm } from "../render/mod.ts";

/** `zss node watch` */
export const command = buildCommand<{ readonly replayLimit: number }, [string?], CliContext>({
  docs: helpPage(`Show each change of the catalog as it happens: of one node, or of all.

One line per event; with --json one JSON object per line. Ctrl-C ends the watch.

Examples:
  $ zss node watch
  $ zss node watch node-1
  $ zss node watch --json | jq .service_delta

Exit status:
  3  the connection was lost    4  not allowed    130  interrupted`),
  parameters: {
    flags: {
      replayLimit: {
        kind: "parsed",
        parse: wholeNumber(0, 10_000),
        brief: "how many past events to show first",
        default: "25",
        placeholder: "n",
      },
    },
    positional: {
      kind: "tuple",
      parameters: [{
        parse: nonEmpty,
        brief: "id of the node; all nodes without it",
        placeholder: "node_id",
        optional: true,
      }],
    },
  },
  async func(flags, nodeId) {
    const { io, globals } = this;
    const json = outputForm(globals.output) === "json";
    const outcome = await withConnection(this, async (connection) => {
      const failed = Promise.withResolvers<never>();
      // It may fail before anybody waits for it; the race below hears of it all the same.
      failed.promise.catch(() => {});
      connection.onPush((frame) => {
        if (frame.type === "control.node_service_event") {
          io.stdout.write(json ? jsonLine(frame) : eventLine(frame.payload));
        } else if (frame.type === "control.error") failed.reject(pushedError(frame));
      });
      const ack = await connection.call("node_service_watch", {
        ...(nodeId === undefined ? {} : { node_id: nodeId }),
        replay_limit: flags.replayLimit,
      });
      const what = nodeId === undefined ? "all nodes" : `node ${nodeId}`;
      io.stderr.write(`watching ${what} (replay_limit=${ack["replay_limit"]}, Ctrl+C to stop)\n`);
      const interrupted = new Promise<"interrupted">((resolve) => {
        const stop = () => resolve("interrupted");
        if (io.interrupted.aborted) stop();
        else io.interrupted.addEventListener("abort", stop, { once: true });
      });
      const first = await Promise.race([interrupted, connection.ended, failed.promise]);
      if (first === "interrupted") await connection.call("node_service_unwatch", {});
      return first;
    });
    if (outcome !== "interrupted") throw outcome;
    this.setExitCode(Exit.interrupted);
  },
});

function jsonLine(frame: PushedFrame): string {
  return JSON.stringify(frame.payload) + "\n";
}

function pushedError(frame: PushedFrame): ZssError {
  const { code, message, hint } = isObject(frame.payload) ? frame.payload : {};
  return new ZssError(String(code), String(message), { hint: typeof hint === "string" ? hint : undefined });
}

/** One event for a person, in the words of the reference. */
export function eventLine(payload: unknown): string {
  const members = isObject(payload) ? payload : {};
  const node = typeof members["node_id"] === "string" ? members["node_id"] : "(unknown)";
  const delta = members["service_delta"];
  if (delta === undefined) return `node_service_event node=${cleanText(node)}\n`;
  if (!isObject(delta)) return `node_service_event node=${cleanText(node)} (delta malformed)\n`;
  const count = (name: string) => Array.isArray(delta[name]) ? delta[name].length : 0;
  return `node_service_event node=${cleanText(node)} changed=${delta["changed"] === true} added=${count("added")} ` +
    `updated=${count("updated")} removed=${count("removed")} ts_ms=${Number(delta["timestamp_ms"] ?? 0)}\n`;
}
