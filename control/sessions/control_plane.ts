/**
 * What every operation works on.
 *
 * @module
 */

import type { Clock } from "../../drivers/process/clock.ts";
import type { EventHub } from "../events/hub.ts";
import type { Meters } from "../metrics/meters.ts";
import type { FsTokens } from "../pairing/fs_tokens.ts";
import type { LeaseKeeper } from "../pairing/leases.ts";
import { catalogOf } from "../pairing/node_events.ts";
import type { RandomBytes } from "../pairing/tokens.ts";
import type { TunnelRegistry } from "../relay/tunnels.ts";
import type { AuditSink } from "../audit/audit_log.ts";
import type { Agents } from "./agents.ts";
import type { Budget } from "./budget.ts";
import type { SessionSocket } from "./session_socket.ts";
import type { ScopeTokens } from "./scope_tokens.ts";
import type { NodeRecord } from "../store/records.ts";
import type { RecordReader, Store } from "../store/store.ts";

/** The parts that operations share. */
export interface ControlPlane {
  readonly store: Store;
  readonly hub: EventHub;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly fsTokens: FsTokens;
  readonly leases: LeaseKeeper;
  /** The tunnels of nodes. */
  readonly tunnels: TunnelRegistry;
  readonly audit: AuditSink;
  /** How many refusals of anonymous connections are written down. */
  readonly anonymousRefusals: Budget;
  readonly agents: Agents;
  readonly scopeTokens: ScopeTokens;
  /** Whether the operator of the server has chosen an admin token that stands in no store. */
  readonly hasPresetAdmin: boolean;
  /** Ends the connections of a token that is good no more; `last` is the one that asked for it, after its answer. */
  readonly cutOff: (tokenId: string, last?: SessionSocket) => void;
  readonly meters: Meters;
  readonly limits: WatchLimits;
}

/** What an operator may set of the watch. */
export interface WatchLimits {
  /** Whether admins may watch. @default {true} */
  readonly allowAdmin: boolean;
  /** Whether users may watch what they see. @default {true} */
  readonly allowUser: boolean;
  /** Largest `replay_limit` that is granted. @default {250} */
  readonly replayMax: number;
  /** How many of the newest events `replay_limit` looks at. @default {1024} */
  readonly historyMax: number;
}

/** A node as `node_list` and `node_get` show it. */
export function nodeSummary(reader: RecordReader, node: NodeRecord): Record<string, unknown> {
  const catalog = catalogOf(reader, node.node_id);
  const notReloaded = catalog.services.filter(({ runtime }) => typeof runtime["reload_error"] === "string").length;
  const notOnline = catalog.services.filter(({ state }) => state !== "online").length;
  return {
    node_id: node.node_id,
    node_name: node.node_name,
    fs_url: node.fs_url,
    platform: catalog.platform,
    labels: catalog.labels,
    service_count: catalog.services.length,
    ...(notOnline === 0 ? {} : { not_online_count: notOnline }),
    // Those that go on as they were, because their manifest cannot be used as it is now.
    ...(notReloaded === 0 ? {} : { not_reloaded_count: notReloaded }),
    state: node.online ? "online" : "offline",
    ...(node.offline_since_ms === null ? {} : { offline_since_ms: node.offline_since_ms }),
    joined_at_ms: node.joined_at_ms,
    last_seen_ms: node.last_seen_ms,
    lease_expires_at_ms: node.lease_expires_at_ms,
    lease_generation: node.lease_generation,
  };
}
