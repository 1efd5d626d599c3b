import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { ManualClock } from "../../drivers/process/mod.ts";
import { EventHub } from "../events/hub.ts";
import { memoryStore } from "../store/memory.ts";
import { Meters, metricsObject } from "./meters.ts";
import { prometheusText } from "./prometheus.ts";

async function page(): Promise<string> {
  const store = memoryStore({ epoch: "e" });
  const meters = new Meters();
  meters.commit.observe(0.003);
  meters.commit.observe(9);
  const hub = new EventHub({ store, clock: new ManualClock() });
  await store.transact((tx) => tx.append({ kind: "upsert", node_id: "n", timestamp_ms: 5, payload: {} }));
  return await prometheusText(metricsObject({ meters, store, hub, historyMax: 64 }), meters);
}

Deno.test("prometheusText() counts a duration in every bucket that holds it", async () => {
  const text = await page();
  assert.match(text, /^zss_store_commit_seconds_bucket\{le="0\.0025"\} 0$/m);
  assert.match(text, /^zss_store_commit_seconds_bucket\{le="0\.005"\} 1$/m);
  assert.match(text, /^zss_store_commit_seconds_bucket\{le="\+Inf"\} 2$/m);
  assert.match(text, /^zss_store_commit_seconds_sum 9\.003$/m);
  assert.match(text, /^spiderweb_node_service_watch_retained_events 1$/m);
});

Deno.test("prometheusText() names every number of the reference", async () => {
  const names = [...(await page()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  for (
    const wanted of [
      "spiderweb_nodes_total gauge",
      "spiderweb_node_joins_total counter",
      "zss_watch_lag_seconds histogram",
    ]
  ) {
    assert.ok(names.includes(wanted), wanted);
  }
  assert.equal(names.filter((name) => name.startsWith("spiderweb_")).length, 34);
  assert.equal(new Set(names).size, names.length);
});

Deno.test("promtool finds nothing but the reference's own names in prometheusText()", {
  ignore: spawnSync("promtool", ["--version"]).error !== undefined,
}, async () => {
  const { stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input: await page(), encoding: "utf8" });
  const complaints = `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
  assert.deepEqual(complaints.filter((line) => !/^spiderweb_/.test(line)), []);
});
