/**
 * Runs the benches: `deno task bench`, or `deno task bench NAME ...`.
 *
 * Tables go to stderr, one line of JSON per bench goes to stdout.
 *
 * @module
 */

import { coldStart } from "./cold_start.ts";
import { files } from "./files.ts";
import { type Bench, formatReport, runBench } from "./harness.ts";
import { hostileFrames, refusedNodes } from "./hostile.ts";
import { manifestLint } from "./manifest_lint.ts";
import { manifestLintOne } from "./manifest_lint_one.ts";
import { nativeProcRemains } from "./native_proc_remains.ts";
import { nativeProcLatency, nativeProcRate } from "./native_proc.ts";
import { nodeLoad, nodeMemory, nodeReload } from "./node_manifests.ts";
import { catalogDigest, catalogUpsert, durableUpserts, nodesFlat } from "./upsert.ts";
import { warmDrivers } from "./warm_drivers.ts";
import { watchFanouts } from "./watch_fanout.ts";
import { watchLatency } from "./watch_latency.ts";
import { worldTree } from "./world_tree.ts";

/** Every bench; a new one is a file and a line here. */
const BENCHES: readonly Bench[] = [
  ...[coldStart, manifestLint, manifestLintOne, nativeProcRate, nativeProcLatency],
  ...nativeProcRemains,
  ...[
    ...watchFanouts,
    watchLatency,
    durableUpserts,
    catalogDigest,
    catalogUpsert,
    nodesFlat,
    refusedNodes,
    hostileFrames,
    warmDrivers,
    ...files,
    ...worldTree,
  ],
  ...[nodeLoad, nodeReload, nodeMemory],
];

async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((argument) => argument !== "--");
  const unknown = names.find((name) => !BENCHES.some((bench) => bench.name === name));
  if (unknown !== undefined) {
    console.error(`error: No bench is named "${unknown}": there are ${BENCHES.map((bench) => bench.name).join(", ")}`);
    return 2;
  }
  for (const bench of BENCHES) {
    if (names.length > 0 && !names.includes(bench.name)) continue;
    const report = await runBench(bench);
    console.error(formatReport(report));
    console.log(JSON.stringify(report));
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
