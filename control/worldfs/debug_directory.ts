/**
 * `/debug`: the event stream and the queues of pairing, for those who may use
 * the operations behind them.
 *
 * @module
 */

import { withAbout } from "./about.ts";
import { directory, layered, type PairingFileName, type WorldDirectory, type WorldEntry } from "./entry.ts";
import type { WorldSource } from "./source.ts";

/** The debug files; `undefined` for who gets none of them. */
export function debugDirectory({ debug }: WorldSource): WorldDirectory | undefined {
  if (!debug.events && !debug.requests && !debug.invites) return undefined;
  return withAbout("Debug", "What happens on this server, and who wants to join it.", {
    ...(debug.events ? { "stream.log": () => ({ kind: "events" as const, node_id: undefined }) } : {}),
    ...(debug.requests || debug.invites ? { pairing: () => pairingDirectory(debug) } : {}),
  });
}

function pairingDirectory(debug: WorldSource["debug"]): WorldDirectory {
  const invites = debug.invites ? { invites: () => invitesDirectory() } : {};
  if (!debug.requests) return directory(invites);
  return layered(
    withAbout("Pairing", "Write a request_id to control/approve.json or control/deny.json to decide about it."),
    directory({
      "pending.json": readable("pending.json"),
      "last_result.json": readable("last_result.json"),
      "last_error.json": readable("last_error.json"),
      control: () =>
        directory({
          "approve.json": writable("control/approve.json"),
          "deny.json": writable("control/deny.json"),
          refresh: writable("control/refresh"),
        }),
      ...invites,
    }),
  );
}

function invitesDirectory(): WorldDirectory {
  return directory({
    "active.json": readable("invites/active.json"),
    "last_result.json": readable("invites/last_result.json"),
    "last_error.json": readable("invites/last_error.json"),
    control: () =>
      directory({
        "create.json": writable("invites/control/create.json"),
        refresh: writable("invites/control/refresh"),
      }),
  });
}

function readable(name: PairingFileName): () => WorldEntry {
  return () => ({ kind: "pairing", name, isWritable: false });
}

function writable(name: PairingFileName): () => WorldEntry {
  return () => ({ kind: "pairing", name, isWritable: true });
}
