/**
 * Watches over leases: a node whose lease runs out is offline, and one that
 * stays away is deleted.
 *
 * Deadlines are monotonic, so a clock that jumps takes nobody's lease. After a
 * start of the server every node has one whole lease to come back.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { afterLong, type CancelTimer, type Clock } from "../../drivers/process/clock.ts";
import type { NodeRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { removeNode } from "./node_events.ts";
import { takeOffline } from "./nodes.ts";

const log = getLogger(["zss", "control", "leases"]);

/** How long a node may be offline before it is deleted, in milliseconds: a day. */
export const DEFAULT_GRACE_MS = 86_400_000;

/** How long a node may be without the tunnel that it had before it counts as offline, in milliseconds. */
export const TUNNEL_GRACE_MS = 30_000;

/** What a keeper works with. */
export interface LeaseKeeperParts {
  readonly store: Store;
  readonly clock: Clock;
  /** How long a node may be offline before it is deleted, in milliseconds. */
  readonly graceMs: number;
}

/** Every node's deadline. */
export class LeaseKeeper {
  readonly #parts: LeaseKeeperParts;
  readonly #timers = new Map<string, { cancel: CancelTimer }>();
  #closed = false;

  constructor(parts: LeaseKeeperParts) {
    this.#parts = parts;
  }

  /** Begins to watch the nodes that the store holds. */
  start(): void {
    const now = this.#parts.clock.now();
    for (const node of this.#parts.store.list("node")) {
      if (node.online) this.extended(node);
      else this.#awaitDeletion(node.node_id, this.#parts.graceMs - Math.max(0, now - (node.offline_since_ms ?? now)));
    }
  }

  /** Starts a node's lease anew. */
  extended(node: NodeRecord): void {
    this.#arm(node.node_id, node.lease_ttl_ms, () => this.#expire(node));
  }

  /**
   * The tunnel of a node is gone: its lease ends soon, unless the node comes back or refreshes it. A process that was
   * killed would otherwise be shown as online for as long as its lease was to last.
   *
   * @param node As it was when its tunnel was opened.
   */
  tunnelLost(node: NodeRecord): void {
    const now = this.#parts.store.get("node", node.node_id);
    if (now?.online !== true || now.lease_generation !== node.lease_generation) return;
    this.#arm(node.node_id, Math.min(TUNNEL_GRACE_MS, node.lease_ttl_ms), () => this.#expire(now));
  }

  /** A node has ended its lease by itself. */
  ended(nodeId: string): void {
    if (this.#parts.store.get("node", nodeId)?.online === false) this.#awaitDeletion(nodeId, this.#parts.graceMs);
  }

  /** Forgets a node that is gone. */
  removed(nodeId: string): void {
    this.#timers.get(nodeId)?.cancel();
    this.#timers.delete(nodeId);
  }

  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #arm(nodeId: string, delayMs: number, action: () => Promise<void>): void {
    this.removed(nodeId);
    if (this.#closed) return;
    const { clock } = this.#parts;
    const timer = { cancel: () => {} };
    this.#timers.set(nodeId, timer);
    timer.cancel = afterLong(clock, delayMs, () => {
      // What has begun anew meanwhile has another timer.
      if (this.#timers.get(nodeId) !== timer) return;
      this.#timers.delete(nodeId);
      action().catch((error) => {
        log.error("Lease of {nodeId} could not be ended, trying again: {error}", { nodeId, error });
        this.#arm(nodeId, 1_000, action);
      });
    });
  }

  async #expire(lease: NodeRecord): Promise<void> {
    const { store, clock, graceMs } = this.#parts;
    const nodeId = lease.node_id;
    await store.transact((tx) => {
      const node = tx.get("node", nodeId);
      // A refresh or a tunnel that came into the same commit has begun a new lease.
      const isSame = node?.lease_token_hash === lease.lease_token_hash &&
        node.lease_generation === lease.lease_generation;
      if (node !== undefined && isSame) takeOffline(tx, node, clock.now());
    });
    if (!this.#timers.has(nodeId) && store.get("node", nodeId)?.online === false) this.#awaitDeletion(nodeId, graceMs);
  }

  #awaitDeletion(nodeId: string, delayMs: number): void {
    this.#arm(nodeId, Math.max(0, delayMs), async () => {
      const { store, clock } = this.#parts;
      await store.transact((tx) => {
        const node = tx.get("node", nodeId);
        if (node !== undefined && !node.online) removeNode(tx, node, clock.now());
      });
    });
  }
}
