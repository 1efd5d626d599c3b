/**
 * The lines of an event stream of the tree, from a place on.
 *
 * The file gives everything that the server holds to those who may see it. Most
 * who watch want to know what happens, not what happened; so what stands before
 * the place is passed over here.
 *
 * @module
 */

import { type ControlConnection, parsePosition, type WatchPosition } from "../../control/client/mod.ts";
import { isObject } from "../../control/protocol/envelope.ts";
import { ZssError } from "../../control/protocol/errors.ts";
import { parseJson } from "../../control/protocol/json.ts";
import { usageError } from "../errors.ts";
import { roleOf } from "../node_names.ts";

/** Where to begin: behind a revision, in an epoch if one is named. */
export interface EventStart {
  readonly epoch?: string | undefined;
  readonly revision: number;
}

/** Whether the file at a path of the tree is a stream of events, and no file of a node that is called so. */
export function isEventStream(path: string): boolean {
  return /^\/(?:nodes\/[^/]+\/)?events$|^\/debug\/stream\.log$/.test(path);
}

/**
 * Reads a place as `--since` takes it: `<epoch>:<revision>`, or a revision alone.
 *
 * @throws {ZssError} `usage`
 */
export function eventStart(text: string): EventStart {
  const start = /^[0-9]{1,15}$/.test(text) ? { revision: Number(text) } : parsePosition(text);
  if (start !== undefined) return start;
  throw usageError(
    `Cannot watch since "${text}": <epoch>:<revision> or a revision is wanted`,
    "an event shows both; 0 begins with the oldest that the server holds",
  );
}

/** Where the server stands; `undefined` for those who are no admins: they are shown no past events anyway. */
export async function eventsNow(
  connection: Pick<ControlConnection, "call">,
): Promise<WatchPosition & { readonly oldest: number } | undefined> {
  if (await roleOf(connection) !== "admin") return undefined;
  const { epoch, revision, oldest_revision } = await connection.call("node_service_events", { limit: 1 });
  return { epoch: String(epoch), revision: Number(revision), oldest: Number(oldest_revision) };
}

/**
 * Checks a place against what the server holds.
 *
 * @throws {ZssError} `epoch_changed`, `future_revision` or `history_gone`, as a watch of the catalog does.
 */
export function requireHeld(start: EventStart, now: WatchPosition & { readonly oldest: number }): void {
  const what = `Cannot watch since ${start.epoch === undefined ? "" : `${start.epoch}:`}${start.revision}`;
  if (start.epoch !== undefined && start.epoch !== now.epoch) {
    throw new ZssError("epoch_changed", `${what}: the store of the server is another one, of epoch ${now.epoch}`, {
      hint: "--since 0 begins with the oldest event that it holds",
      data: { epoch: now.epoch, revision: now.revision },
    });
  }
  if (start.revision > now.revision) {
    throw new ZssError("future_revision", `${what}: the newest event has revision ${now.revision}`, {
      data: { revision: now.revision },
    });
  }
  if (start.revision > 0 && start.revision + 1 < now.oldest) {
    throw new ZssError("history_gone", `${what}: the oldest event that the server holds has revision ${now.oldest}`, {
      hint: `begin with --since ${now.oldest - 1}, or with 0 for whatever is held`,
      data: { oldest_revision: now.oldest, revision: now.revision, epoch: now.epoch },
    });
  }
}

/** The lines of a stream behind a revision. */
export async function* linesBehind(
  lines: AsyncIterable<string>,
  revision: number,
): AsyncGenerator<string, void, void> {
  for await (const line of lines) if (revision === 0 || revisionOf(line) > revision) yield line;
}

/** What cannot be placed is shown. */
function revisionOf(line: string): number {
  const value = parseJson(line);
  const event = isObject(value) ? value["event"] : undefined;
  return isObject(event) ? Number(event["revision"] ?? Infinity) : Infinity;
}
