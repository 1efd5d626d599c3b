/**
 * The numbers of a server: what happened since its start, and what is now.
 *
 * Two renderings show the same values: JSON in the shape of the reference, and
 * the text that Prometheus reads (`prometheus.ts`).
 *
 * @module
 */

import type { Store } from "../store/store.ts";
import { Distribution } from "./distribution.ts";

/** Counts that operations raise; all since the start of the server. */
export class Meters {
  leaseRefreshes = 0;
  /** Nodes that were deleted on request. */
  deletes = 0;
  /** Nodes that were deleted for any reason. */
  removed = 0;
  upserts = 0;
  /** Upserts that changed nothing and made no event. */
  noops = 0;
  /** How often each operation succeeded. */
  readonly operations = new Map<string, number>();
  readonly commit = new Distribution();
  /** From the moment in which an event happened to the end of its fan-out. */
  readonly fanout = new Distribution();

  /** Notes that an operation succeeded. */
  ran(operation: string): void {
    this.operations.set(operation, (this.operations.get(operation) ?? 0) + 1);
  }
}

/** The part of the event hub that is counted. */
export interface WatchNumbers {
  /** How many watch. */
  readonly size: number;
  readonly counts: Numbers<
    | "subscribersPeak"
    | "replayRequests"
    | "replayAttempted"
    | "replaySent"
    | "replayBytes"
    | "fanoutEvents"
    | "fanoutAttempted"
    | "fanoutSent"
    | "fanoutDropped"
  >;
}

/** What the numbers are taken from. */
export interface MeterSources {
  readonly meters: Meters;
  readonly store: Store;
  readonly hub: WatchNumbers;
  /** How many of the newest events a watch may replay by count. */
  readonly historyMax: number;
}

/** The numbers of a server; members are those of the reference, and `zss`, which is ours. */
export interface MetricsObject {
  readonly invites: Numbers<"active" | "created_total" | "redeemed_total">;
  readonly nodes: Numbers<
    "online" | "total" | "joins_total" | "lease_refresh_total" | "ensured_total" | "deletes_total" | "reaped_total"
  >;
  readonly projects: Numbers<
    | "total"
    | "active_bindings"
    | "creates_total"
    | "updates_total"
    | "deletes_total"
    | "token_rotates_total"
    | "token_revokes_total"
    | "activations_total"
    | "mounts_total"
    | "mount_sets_total"
    | "mount_removes_total"
  >;
  readonly node_service_watch: {
    readonly subscribers: Numbers<"current" | "peak">;
    readonly replay: Numbers<"requests_total" | "attempted_total" | "sent_total" | "bytes_total">;
    readonly fanout: Numbers<"events_total" | "attempted_total" | "sent_total" | "dropped_total">;
    readonly retained: Numbers<"events" | "capacity" | "window_ms"> & {
      readonly oldest_ms: number | null;
      readonly newest_ms: number | null;
    };
  };
  readonly zss: Numbers<
    "revision" | "oldest_revision" | "history_bytes" | "upserts_total" | "upsert_noops_total" | "commits_total"
  >;
}

type Numbers<Name extends string> = Readonly<Record<Name, number>>;

/** The numbers as one object. */
export function metricsObject({ meters, store, hub, historyMax }: MeterSources): MetricsObject {
  const nodes = store.list("node");
  const invites = store.list("invite");
  const heads = store.headsSince(Math.max(0, store.revision - historyMax));
  const [oldest, newest] = [heads[0]?.timestamp_ms ?? null, heads.at(-1)?.timestamp_ms ?? null];
  const { counts } = hub;
  const projects = store.list("project");
  const ran = (operation: string) => meters.operations.get(operation) ?? 0;
  return {
    invites: {
      active: invites.filter((invite) => invite.redeemed_by === null).length,
      created_total: (store.get("counter", "invite")?.next ?? 1) - 1,
      redeemed_total: (store.get("counter", "redeemed_invite")?.next ?? 1) - 1,
    },
    nodes: {
      online: nodes.filter((node) => node.online).length,
      total: nodes.length,
      joins_total: (store.get("counter", "node")?.next ?? 1) - 1,
      lease_refresh_total: meters.leaseRefreshes,
      ensured_total: 0,
      deletes_total: meters.deletes,
      reaped_total: Math.max(0, meters.removed - meters.deletes),
    },
    projects: {
      total: projects.length,
      active_bindings: store.list("active_project").length,
      creates_total: ran("project_create"),
      updates_total: ran("project_update"),
      deletes_total: ran("project_delete"),
      token_rotates_total: ran("project_token_rotate"),
      token_revokes_total: ran("project_token_revoke"),
      activations_total: ran("project_activate") + ran("session_attach"),
      mounts_total: projects.reduce((sum, project) => sum + project.mounts.length, 0),
      mount_sets_total: ran("project_mount_set"),
      mount_removes_total: ran("project_mount_remove"),
    },
    node_service_watch: {
      subscribers: { current: hub.size, peak: counts.subscribersPeak },
      replay: {
        requests_total: counts.replayRequests,
        attempted_total: counts.replayAttempted,
        sent_total: counts.replaySent,
        bytes_total: counts.replayBytes,
      },
      fanout: {
        events_total: counts.fanoutEvents,
        attempted_total: counts.fanoutAttempted,
        sent_total: counts.fanoutSent,
        dropped_total: counts.fanoutDropped,
      },
      retained: {
        events: heads.length,
        capacity: historyMax,
        oldest_ms: oldest,
        newest_ms: newest,
        window_ms: oldest === null || newest === null ? 0 : newest - oldest,
      },
    },
    zss: {
      revision: store.revision,
      oldest_revision: store.oldestRevision,
      history_bytes: heads.reduce((sum, head) => sum + head.bytes, 0),
      upserts_total: meters.upserts,
      upsert_noops_total: meters.noops,
      commits_total: meters.commit.count,
    },
  };
}
