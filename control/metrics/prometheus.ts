/**
 * The numbers as Prometheus reads them.
 *
 * The names of the reference are kept although some break the conventions; each
 * of those has a twin under a name that keeps them, which begins with `zss_`.
 *
 * @module
 */

import { Counter, Gauge, Registry } from "prom-client";
import { histogramText } from "./exposition.ts";
import type { Meters, MetricsObject } from "./meters.ts";

type Reading = readonly [name: string, help: string, value: number];

/** Renders the numbers. */
export async function prometheusText(values: MetricsObject, meters: Meters): Promise<string> {
  const registry = new Registry();
  for (const [name, help, value] of gauges(values)) new Gauge({ name, help, registers: [registry] }).set(value);
  for (const [name, help, value] of counters(values)) new Counter({ name, help, registers: [registry] }).inc(value);
  const text = await registry.metrics();
  const { commit, fanout } = meters;
  return text +
    histogramText("zss_store_commit_seconds", "Time of one commit of the store.", [{ distribution: commit }]) +
    histogramText("zss_watch_lag_seconds", "From an event to the end of its fan-out.", [{ distribution: fanout }]);
}

function gauges({ invites, nodes, projects, node_service_watch: watch, zss }: MetricsObject): Reading[] {
  const prefix = "spiderweb_node_service_watch";
  return [
    ["spiderweb_invites_active", "Invites that are kept, used and expired ones included.", invites.active],
    ["spiderweb_nodes_online", "Nodes whose lease holds.", nodes.online],
    ["spiderweb_nodes_total", "Nodes that are known.", nodes.total],
    ["spiderweb_projects_total", "Projects.", projects.total],
    ["spiderweb_active_project_bindings", "Agents with an active project.", projects.active_bindings],
    ["spiderweb_project_mounts_total", "Mounts of all projects.", projects.mounts_total],
    [`${prefix}_subscribers`, "Watchers that are connected.", watch.subscribers.current],
    [`${prefix}_subscribers_peak`, "Most watchers at once since the start.", watch.subscribers.peak],
    [`${prefix}_retained_events`, "Events that a watch may replay by count.", watch.retained.events],
    [`${prefix}_retained_capacity`, "Most events that a watch may replay by count.", watch.retained.capacity],
    [`${prefix}_retained_window_ms`, "Time that those events span, in milliseconds.", watch.retained.window_ms],
    ["zss_nodes", "Nodes that are known.", nodes.total],
    ["zss_projects", "Projects.", projects.total],
    ["zss_project_mounts", "Mounts of all projects.", projects.mounts_total],
    ["zss_watch_retained_window_seconds", "Time that replayable events span.", watch.retained.window_ms / 1000],
    ["zss_store_revision", "Revision of the newest event.", zss.revision],
    ["zss_store_oldest_revision", "Revision of the oldest event that is held.", zss.oldest_revision],
    ["zss_store_history_bytes", "Bytes of the replayable events.", zss.history_bytes],
  ];
}

function counters({ invites, nodes, projects, node_service_watch: watch, zss }: MetricsObject): Reading[] {
  const prefix = "spiderweb_node_service_watch";
  return [
    ["spiderweb_invites_created_total", "Invites made.", invites.created_total],
    ["spiderweb_invites_redeemed_total", "Invites used.", invites.redeemed_total],
    ["spiderweb_node_joins_total", "Nodes that joined.", nodes.joins_total],
    ["spiderweb_node_lease_refresh_total", "Leases refreshed.", nodes.lease_refresh_total],
    ["spiderweb_nodes_ensured_total", "Built-in nodes made sure of.", nodes.ensured_total],
    ["spiderweb_node_deletes_total", "Nodes deleted on request.", nodes.deletes_total],
    ["spiderweb_lease_reap_nodes_total", "Nodes deleted because they stayed away.", nodes.reaped_total],
    ["spiderweb_project_creates_total", "Projects made.", projects.creates_total],
    ["spiderweb_project_updates_total", "Projects changed.", projects.updates_total],
    ["spiderweb_project_deletes_total", "Projects deleted.", projects.deletes_total],
    ["spiderweb_project_token_rotates_total", "Project tokens renewed.", projects.token_rotates_total],
    ["spiderweb_project_token_revokes_total", "Project tokens revoked.", projects.token_revokes_total],
    ["spiderweb_project_activations_total", "Projects activated.", projects.activations_total],
    ["spiderweb_mount_sets_total", "Mounts set.", projects.mount_sets_total],
    ["spiderweb_mount_removes_total", "Mounts removed.", projects.mount_removes_total],
    [`${prefix}_replay_requests_total`, "Watches asked for.", watch.replay.requests_total],
    [`${prefix}_replay_attempted_total`, "Past events to be sent.", watch.replay.attempted_total],
    [`${prefix}_replay_sent_total`, "Past events sent.", watch.replay.sent_total],
    [`${prefix}_replay_bytes_total`, "Bytes of past events sent.", watch.replay.bytes_total],
    [`${prefix}_fanout_events_total`, "Events that happened.", watch.fanout.events_total],
    [`${prefix}_fanout_attempted_total`, "Live events to be sent.", watch.fanout.attempted_total],
    [`${prefix}_fanout_sent_total`, "Live events sent.", watch.fanout.sent_total],
    [
      `${prefix}_fanout_dropped_total`,
      "Live events not sent, to watchers that were too slow.",
      watch.fanout.dropped_total,
    ],
    ["zss_upserts_total", "Catalogs published.", zss.upserts_total],
    ["zss_upsert_noops_total", "Catalogs published that changed nothing.", zss.upsert_noops_total],
  ];
}
