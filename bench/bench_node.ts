/**
 * A node for the benches, and as a program: a node that comes to rest and prints
 * what it holds then, in MB. The program wants `--v8-flags=--expose-gc`.
 *
 * @module
 */

import { systemClock } from "../drivers/process/mod.ts";
import { type NodeEvent, type NodeOptions, type NodeParts, runNode } from "../runtime/node.ts";

/** Time for a node to come to rest, in milliseconds. */
const REST_MS = 2_000;

/** Where a node joins and what it serves. */
export interface BenchNode {
  readonly url: string;
  /** An invite. */
  readonly token: string;
  readonly services: string;
  readonly stateFile: string;
}

/** What `runNode` takes, for a node that learns of changes by the file system's word alone. */
export function benchNode(
  { url, token, services, stateFile }: BenchNode,
  report: (event: NodeEvent) => void,
): [NodeOptions, NodeParts] {
  return [
    {
      controlUrl: url,
      token: undefined,
      pairMode: "invite",
      inviteToken: token,
      nodeName: "bench",
      exports: [],
      manifestFiles: [],
      manifestDirs: [services],
      stateFile,
      labels: {},
      fsService: true,
      leaseTtlMs: 900_000,
      refreshIntervalMs: 600_000,
      reloadIntervalMs: 3_600_000,
      backoff: { baseMs: 500, maxMs: 1_000 },
    },
    {
      clock: systemClock,
      random: Math.random,
      newCallId: () => crypto.randomUUID(),
      cwd: services,
      env: Deno.env.toObject(),
      version: "bench",
      platform: { os: "linux", arch: "x86_64", runtime_kind: "native" },
      report,
    },
  ];
}

if (import.meta.main) {
  const [url = "", token = "", services = "", stateFile = ""] = Deno.args;
  const stop = new AbortController();
  const online = Promise.withResolvers<void>();
  const running = runNode(
    ...benchNode({ url, token, services, stateFile }, ({ type }) => type === "online" && online.resolve()),
    stop.signal,
  );
  await Promise.race([online.promise, running]);
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
  const { rss } = Deno.memoryUsage();
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect !== "function") throw new Error("Cannot collect: start with --v8-flags=--expose-gc");
  collect();
  collect();
  const { heapUsed, external } = Deno.memoryUsage();
  console.log(JSON.stringify({ live: (heapUsed + external) / 1e6, rss: rss / 1e6 }));
  stop.abort();
  await running;
}
