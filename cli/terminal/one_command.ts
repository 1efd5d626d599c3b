/**
 * Runs one command on a node, without a terminal.
 *
 * @module
 */

import type { FsClient } from "../../control/client/mod.ts";
import { isObject, parseJson, ZssError } from "../../control/protocol/mod.ts";
import { type Clock, sleep } from "../../drivers/process/mod.ts";

/** How often a command that takes long is looked at, in milliseconds. */
const LOOK_MS = 500;

/** The result of a command, as the node wrote it; see docs/terminal.md. */
export type CommandResult = Readonly<Record<string, unknown>>;

/**
 * Runs a command and waits for its end.
 *
 * @param request What goes to `control/invoke.json`.
 * @throws {ZssError} `driver_failed` when the node could make nothing of the request.
 * @throws {FsError} What the node refuses with.
 */
export async function runCommand(
  client: FsClient,
  tree: string,
  request: object,
  clock: Clock,
): Promise<CommandResult> {
  const invoke = await client.walk(tree, ["control", "invoke.json"]);
  const { call_id } = await client.write(invoke, new TextEncoder().encode(JSON.stringify(request)));
  if (call_id === undefined) throw new ZssError("driver_failed", "Cannot run the command: the node ran nothing");
  const folder = await client.walk(tree, ["calls", call_id]);
  const read = async (name: string) => {
    const bytes = await client.read((await client.lookup(folder, name)).id);
    const value = bytes.length === 0 ? {} : parseJson(new TextDecoder().decode(bytes));
    return isObject(value) ? value : {};
  };
  let status = await read("status.json");
  while (status["state"] === "queued" || status["state"] === "running") {
    await sleep(clock, LOOK_MS);
    status = await read("status.json");
  }
  const result = await read("result.json");
  if (result["service"] === "terminal") return result;
  const reason = typeof status["stderr"] === "string" ? status["stderr"] : `it is in state "${status["state"]}"`;
  throw new ZssError("driver_failed", `Cannot run the command: the terminal could not: ${reason}`);
}
