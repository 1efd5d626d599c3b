/**
 * The alerts ask for numbers that the server has, and lead to sections that the
 * runbook has.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { EventHub } from "../control/events/hub.ts";
import { Meters, metricsObject } from "../control/metrics/meters.ts";
import { prometheusText } from "../control/metrics/prometheus.ts";
import { memoryStore } from "../control/store/memory.ts";
import { ManualClock } from "../drivers/process/mod.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const RULES = `${ROOT}examples/alerts/zss.rules.yml`;

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly runbook: string };
}

const rules: Rule[] = parse(readFileSync(RULES, "utf8")).groups.flatMap((group: { rules: Rule[] }) => group.rules);

async function names(): Promise<Set<string>> {
  const store = memoryStore({ epoch: "e" });
  const meters = new Meters();
  const hub = new EventHub({ store, clock: new ManualClock() });
  const text = await prometheusText(metricsObject({ meters, store, hub, historyMax: 64 }), meters);
  return new Set([...text.matchAll(/^([a-z_]+)(?:\{| )/gm)].map(([, name = ""]) => name));
}

Deno.test("every alert and every panel asks for numbers that the server has", async () => {
  const known = await names();
  const dashboard = JSON.parse(readFileSync(`${ROOT}examples/alerts/dashboard.json`, "utf8"));
  const panels: { expr: string }[] = dashboard.panels.flatMap((panel: { targets: { expr: string }[] }) =>
    panel.targets
  );
  for (const { expr } of [...rules, ...panels]) {
    const asked = expr.match(/\b(?:spiderweb|zss)_[a-z_]+/g) ?? [];
    assert.ok(asked.length > 0, expr);
    for (const name of asked) assert.ok(known.has(name), `${name} in ${expr}`);
  }
});

Deno.test("every alert leads to a section of the runbook", () => {
  const runbook = readFileSync(`${ROOT}docs/runbook.md`, "utf8");
  const sections = [...runbook.matchAll(/^## (.+)$/gm)].map(([, title = ""]) =>
    title.toLowerCase().replaceAll(" ", "-")
  );
  for (const { alert, annotations } of rules) {
    const [, section = ""] = annotations.runbook.split("#");
    assert.ok(sections.includes(section), `${alert}: ${section}`);
  }
});

Deno.test("promtool takes the alerts", { ignore: spawnSync("promtool", ["--version"]).error !== undefined }, () => {
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "rules", RULES], { encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
});
