/**
 * A node without a control plane: it takes clients itself.
 *
 * Manifests, reload, supervision and what is kept are those of any node; only
 * pairing and the tunnel are missing.
 *
 * @module
 */

import { ZssError } from "../control/protocol/errors.ts";
import { lockState } from "./state/state_lock.ts";
import { type NodeParts, openServing, type ServingOptions } from "./node.ts";
import { checkEndpoint, type EndpointOptions, FsEndpoint } from "./standalone/fs_endpoint.ts";

/** Settings of a node without a control plane, all resolved. Its name takes the place of `{node_id}`. */
export interface StandaloneOptions extends ServingOptions {
  readonly endpoint: EndpointOptions;
}

/**
 * Refuses what would let in whom nobody has asked: from the network, or as a
 * shell, whoever has an account or runs a program on this machine.
 *
 * @throws {ZssError} `insecure_bind`.
 */
export function checkStandalone({ endpoint, terminalIds = [] }: StandaloneOptions): void {
  checkEndpoint(endpoint);
  if (terminalIds.length === 0 || endpoint.authToken !== undefined || endpoint.insecureBind === true) return;
  throw new ZssError(
    "insecure_bind",
    "Cannot offer a terminal without a token: every process on this machine could run commands as the user of the node",
    { hint: "give --auth-token-file or ZSS_NODE_AUTH_TOKEN, or --insecure-bind where every process may do that" },
  );
}

/**
 * Runs a node without a control plane until `signal` fires and its runs have ended.
 *
 * @throws {ZssError} When an export or the port is unusable, or the endpoint or a terminal would let in everybody (`insecure_bind`).
 */
export async function runStandaloneNode(
  given: StandaloneOptions,
  parts: NodeParts,
  signal: AbortSignal,
): Promise<void> {
  checkStandalone(given);
  await using lock = await lockState(given.stateFile);
  const options = { ...given, stateFile: lock.stateFile };
  const serving = await openServing(options, parts);
  const { files, kept } = serving;
  const drained = serving.drainedAfter(signal);
  try {
    await kept.load();
    await serving.identify(options.nodeName);
    if (signal.aborted) return;
    const endpoint = await FsEndpoint.open(options.endpoint, {
      clock: parts.clock,
      nodeName: options.nodeName,
      connect: (send, wishes) => files.connect(send, wishes),
    });
    parts.meters?.takeClientsFrom(() => endpoint.numbers);
    try {
      const reloading = serving.keepReloading(signal, () => {});
      parts.report({ type: "listening", url: endpoint.url, trees: files.trees.length });
      await reloading;
      await fired(drained);
    } finally {
      await endpoint.close();
    }
  } finally {
    await serving.close();
  }
}

function fired(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
