/**
 * Past events of a server, for commands that look at them.
 *
 * @module
 */

import type { ControlConnection } from "../control/client/mod.ts";
import { isObject } from "../control/protocol/envelope.ts";
import { ZssError } from "../control/protocol/errors.ts";

/** An event as it was sent. */
export type PastEvent = Readonly<Record<string, unknown>> & { readonly event: Readonly<Record<string, unknown>> };

/** Every event that the server holds behind a revision, oldest first, page by page. */
export async function* eventsSince(
  connection: ControlConnection,
  revision: number,
  nodeId: string | undefined,
): AsyncGenerator<PastEvent, void> {
  let from = revision;
  for (;;) {
    const answer = await connection.call("node_service_events", {
      ...(nodeId === undefined ? {} : { node_id: nodeId }),
      since_revision: from,
      limit: 200,
    });
    const oldest = Number(answer["oldest_revision"]);
    if (from > 0 && oldest > from + 1) {
      throw new ZssError(
        "history_gone",
        `Cannot read the events behind revision ${from}: the oldest that the server holds has revision ${oldest}`,
        { hint: `begin with --since ${oldest - 1}`, data: { oldest_revision: oldest } },
      );
    }
    const events = eventsOf(answer);
    yield* events;
    from = Number(events.at(-1)?.event["revision"] ?? from);
    if (answer["more"] !== true || events.length === 0) return;
  }
}

/** The events of an answer. */
export function eventsOf(answer: Readonly<Record<string, unknown>>): PastEvent[] {
  const { events } = answer;
  return Array.isArray(events) ? events.filter((one): one is PastEvent => isObject(one) && isObject(one["event"])) : [];
}
