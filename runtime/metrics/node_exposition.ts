/**
 * The numbers of a node as Prometheus reads them.
 *
 * @module
 */

import type { Distribution } from "../../control/metrics/distribution.ts";
import { familyText, histogramText, type Sample } from "../../control/metrics/exposition.ts";
import type { ServiceNumbers } from "../supervision/numbers.ts";
import type { LinkState, NodeNumbers } from "./node_meters.ts";

const LINK_STATES: readonly LinkState[] = ["pairing", "connecting", "online", "listening", "starting", "ending"];
const SERVICE_STATES = ["online", "degraded", "offline"] as const;

/** Renders the numbers and the distributions, these by the type of the runtime. */
export function nodeExposition(numbers: NodeNumbers, durations: ReadonlyMap<string, Distribution>): string {
  const { node, link, catalog, manifests, runs, clients, services } = numbers;
  const { version, mode, node_id } = node;
  const info = { version, mode, node_id: node_id ?? "" };
  const states = LINK_STATES.map((state) => ({ labels: { state }, value: link.state === state ? 1 : 0 }));
  const leaseAge = link.lease_age_ms === null ? [] : one(link.lease_age_ms / 1000);
  return [
    familyText("gauge", "zss_node_info", "Who the node is; always 1.", [{ labels: info, value: 1 }]),
    familyText("gauge", "zss_node_start_time_seconds", "When it was started.", one(node.started_ms / 1000)),
    familyText("gauge", "zss_node_memory_bytes", "Memory that the node itself occupies.", one(node.memory_bytes)),
    familyText("gauge", "zss_node_link_state", "1 for the state that the node is in.", states),
    familyText("counter", "zss_node_connects_total", "Connections to the server.", one(link.connects_total)),
    familyText(
      "counter",
      "zss_node_reconnects_total",
      "Connections to the server after the first.",
      one(link.reconnects_total),
    ),
    familyText("counter", "zss_node_link_losses_total", "Lost connections and failed tries.", one(link.losses_total)),
    familyText("counter", "zss_node_lease_refreshes_total", "Leases refreshed.", one(link.lease_refreshes_total)),
    familyText("gauge", "zss_node_lease_age_seconds", "Time since the lease was refreshed.", leaseAge),
    familyText("counter", "zss_node_catalog_publishes_total", "Catalogs published.", one(catalog.publishes_total)),
    familyText(
      "counter",
      "zss_node_catalog_changes_total",
      "Catalogs published that were a change.",
      one(catalog.changes_total),
    ),
    familyText(
      "counter",
      "zss_node_catalog_refusals_total",
      "Catalogs that the server did not take.",
      one(catalog.refusals_total),
    ),
    familyText("counter", "zss_node_reloads_total", "Reloads that changed a service.", one(manifests.reloads_total)),
    familyText("gauge", "zss_node_manifest_findings", "Findings in the manifests as they are now.", [
      { labels: { severity: "error" }, value: manifests.errors },
      { labels: { severity: "warning" }, value: manifests.warnings },
    ]),
    familyText("counter", "zss_node_runs_total", "Runs that have ended since the start of the node.", [
      { labels: { outcome: "ok" }, value: runs.ok_total },
      { labels: { outcome: "error" }, value: runs.errors_total },
      { labels: { outcome: "timeout" }, value: runs.timeouts_total },
    ]),
    histogramText(
      "zss_node_run_seconds",
      "How long runs took, by the type of the runtime.",
      [...durations].map(([runtime, distribution]) => ({ labels: { runtime }, distribution })),
    ),
    ...(clients === null ? [] : [
      familyText("gauge", "zss_node_clients", "Clients that are connected to the node.", one(clients.connected)),
      familyText("counter", "zss_node_clients_refused_total", "Clients turned away.", one(clients.refused_total)),
      familyText("counter", "zss_node_clients_slow_total", "Clients cut off as too slow.", one(clients.slow_total)),
    ]),
    familyText("gauge", "zss_node_services", "Services that have a driver.", one(services.length)),
    familyText(
      "gauge",
      "zss_node_service_state",
      "1 for the state that the service is in.",
      services.flatMap(({ service_id: service, state }) =>
        SERVICE_STATES.map((each) => ({ labels: { service, state: each }, value: each === state ? 1 : 0 }))
      ),
    ),
    byService(
      "gauge",
      "enabled",
      "1 unless an operator or supervision has disabled it.",
      services,
      (one) => one.enabled ? 1 : 0,
    ),
    byService("counter", "invokes_total", "Runs that began; kept over restarts.", services, (one) => one.invokes_total),
    byService(
      "counter",
      "failures_total",
      "Runs that failed; kept over restarts.",
      services,
      (one) => one.failures_total,
    ),
    byService(
      "counter",
      "timeouts_total",
      "Runs that took too long; kept over restarts.",
      services,
      (one) => one.timeouts_total,
    ),
    byService(
      "counter",
      "restarts_total",
      "Restarts; kept over restarts of the node.",
      services,
      (one) => one.restarts_total,
    ),
    byService("gauge", "running", "Runs under way.", services, (one) => one.running),
    byService("gauge", "queued", "Runs that wait for a place.", services, (one) => one.queued),
  ].join("");
}

function one(value: number): readonly Sample[] {
  return [{ value }];
}

function byService(
  type: "counter" | "gauge",
  name: string,
  help: string,
  services: readonly ServiceNumbers[],
  value: (service: ServiceNumbers) => number,
): string {
  const samples = services.map((each) => ({ labels: { service: each.service_id }, value: value(each) }));
  return familyText(type, `zss_node_service_${name}`, help, samples);
}
