import { buildCommand } from "@stricli/core";
import { changedLeaves } from "../../control/catalog/mod.ts";
import { isObject } from "../../control/protocol/envelope.ts";
import { ZssError } from "../../control/protocol/errors.ts";
import { usageError } from "../errors.ts";
import { wholeNumber } from "../flags.ts";
import { helpPage } from "../help.ts";
import type { CliContext } from "../io.ts";
import { eventsOf, type PastEvent } from "../past_events.ts";
import { withConnection } from "../remote.ts";
import { printResult } from "../render/mod.ts";

const revision = wholeNumber(1, 999_999_999_999_999);

/** `zss node events diff` */
export const command = buildCommand<Record<never, never>, [number, number], CliContext>({
  docs: helpPage(`Show what changed in the catalog of a node between two of its events. The order of
services and of members is no change.

Examples:
  $ zss node events diff 12 15
  $ zss node events diff 12 15 --json`),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [
        { parse: revision, brief: "revision of the earlier event", placeholder: "from" },
        { parse: revision, brief: "revision of the later event", placeholder: "to" },
      ],
    },
  },
  async func(_flags, from, to) {
    const [before, after] = await withConnection(this, async (connection) => {
      const read = async (wanted: number) => {
        const answer = await connection.call("node_service_events", { since_revision: wanted - 1, limit: 1 });
        const [event] = eventsOf(answer);
        if (event?.event["revision"] === wanted) return event;
        throw new ZssError("event_not_found", `Cannot find event ${wanted}: the server does not hold it`, {
          hint: `it holds ${answer["oldest_revision"]} to ${answer["revision"]}`,
        });
      };
      return [await read(from), await read(to)] as const;
    });
    if (before["node_id"] !== after["node_id"]) {
      throw usageError(
        `Cannot compare events ${from} and ${to}: they are about ${before["node_id"]} and ${after["node_id"]}`,
        "zss node events list NODE shows the events of one node",
      );
    }
    const changes = changedLeaves(comparable(before), comparable(after));
    await printResult(this, {
      value: { node_id: before["node_id"], from, to, changes },
      table: changes.length === 0
        ? ["no difference"]
        : changes.map(({ path, from, to }) => `${mark(from, to)} ${path.slice(1)} ${shown(from)} → ${shown(to)}`),
      names: changes.map(({ path }) => path),
    });
  },
});

/** The catalog of an event, with services by their ids. */
function comparable(event: PastEvent): unknown {
  const { platform, labels, services, node_name } = event;
  const list = Array.isArray(services) ? services.filter(isObject) : [];
  return {
    node_name,
    platform,
    labels,
    services: Object.fromEntries(list.map((one) => [String(one["service_id"]), one])),
  };
}

function mark(from: unknown, to: unknown): string {
  return from === undefined ? "+" : to === undefined ? "-" : "~";
}

function shown(value: unknown): string {
  return value === undefined ? "(none)" : JSON.stringify(value);
}
