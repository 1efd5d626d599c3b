/**
 * The numbers of a node: what happened since its start, and what is now.
 *
 * Two renderings show the same values: one JSON object, and the text that
 * Prometheus reads (`node_exposition.ts`). What carries the id of a service is
 * of the services that the node has now, of which there are at most 1,024.
 *
 * @module
 */

import { Distribution } from "../../control/metrics/distribution.ts";
import type { Clock } from "../../drivers/process/clock.ts";
import type { EndedRun, ServiceNumbers } from "../supervision/numbers.ts";

/** Upper bounds of the buckets of a run, in seconds. */
const RUN_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** How a node stands to whoever reaches it. */
export type LinkState =
  /** It has no identity yet. */
  | "pairing"
  /** It has one and tries to reach its server. */
  | "connecting"
  | "online"
  /** It has no control plane and takes clients itself. */
  | "listening"
  /** It has no control plane and does not listen yet. */
  | "starting"
  | "ending";

/** The numbers of a node that takes clients itself. */
export interface CountedClients {
  readonly connected: number;
  /** Clients that were turned away, for whatever reason. */
  readonly refused_total: number;
  /** Clients that were cut off because they did not take what was sent to them. */
  readonly slow_total: number;
}

/** Who the node is. */
export interface NodeSelf {
  readonly version: string;
  readonly mode: "paired" | "standalone";
}

/** All numbers, as `/metrics.json` shows them. */
export interface NodeNumbers {
  readonly node: NodeSelf & {
    readonly node_id: string | null;
    readonly started_ms: number;
    readonly memory_bytes: number;
  };
  readonly link: {
    readonly state: LinkState;
    readonly connects_total: number;
    readonly reconnects_total: number;
    readonly losses_total: number;
    readonly lease_refreshes_total: number;
    /** Time since the lease was refreshed; null when it never was. */
    readonly lease_age_ms: number | null;
  };
  readonly catalog: {
    readonly publishes_total: number;
    readonly changes_total: number;
    readonly refusals_total: number;
  };
  readonly manifests: { readonly reloads_total: number; readonly errors: number; readonly warnings: number };
  readonly runs: { readonly ok_total: number; readonly errors_total: number; readonly timeouts_total: number };
  readonly clients: CountedClients | null;
  readonly services: readonly ServiceNumbers[];
}

/** Counts what a node does. */
export class NodeMeters {
  readonly #self: NodeSelf;
  readonly #clock: Clock;
  readonly #memoryBytes: () => number;
  readonly #startedMs: number;
  readonly #runs = { ok: 0, error: 0, timeout: 0 };
  readonly #link = { connects: 0, losses: 0, refreshes: 0 };
  readonly #catalog = { publishes: 0, changes: 0, refusals: 0 };
  #manifests = { reloads: 0, errors: 0, warnings: 0 };
  #refreshedAt: number | undefined;
  #services: () => readonly ServiceNumbers[] = () => [];
  #clients: () => CountedClients | null = () => null;
  /** How long runs took, by runtime. */
  readonly durations = new Map<string, Distribution>();
  state: LinkState;
  nodeId: string | null = null;

  /** @param memoryBytes Says how much memory this process occupies. */
  constructor(self: NodeSelf, clock: Clock, memoryBytes: () => number) {
    this.#self = self;
    this.#clock = clock;
    this.#memoryBytes = memoryBytes;
    this.#startedMs = Math.trunc(clock.now());
    this.state = self.mode === "paired" ? "pairing" : "starting";
  }

  /** Where the numbers of the services come from. */
  takeServicesFrom(source: () => readonly ServiceNumbers[]): void {
    this.#services = source;
  }

  /** Where the numbers of the clients come from. */
  takeClientsFrom(source: () => CountedClients): void {
    this.#clients = source;
  }

  /** Whether the node does its work for somebody now. */
  get isReady(): boolean {
    return this.state === "online" || this.state === "listening";
  }

  ran({ runtime, duration_ms, outcome }: EndedRun): void {
    this.#runs[outcome]++;
    let durations = this.durations.get(runtime);
    if (durations === undefined) this.durations.set(runtime, durations = new Distribution(RUN_BUCKETS));
    durations.observe(duration_ms / 1000);
  }

  connected(): void {
    this.state = "online";
    this.#link.connects++;
  }

  lost(): void {
    this.state = "connecting";
    this.#link.losses++;
  }

  leaseRefreshed(): void {
    this.#link.refreshes++;
    this.#refreshedAt = this.#clock.monotonic();
  }

  published(changed: boolean): void {
    this.#catalog.publishes++;
    if (changed) this.#catalog.changes++;
  }

  catalogRefused(): void {
    this.#catalog.refusals++;
  }

  reloaded(): void {
    this.#manifests.reloads++;
  }

  /** Notes how many findings the manifests have now. */
  found(errors: number, warnings: number): void {
    this.#manifests = { ...this.#manifests, errors, warnings };
  }

  /** All numbers at this moment. */
  numbers(): NodeNumbers {
    const age = this.#refreshedAt === undefined ? null : Math.round(this.#clock.monotonic() - this.#refreshedAt);
    return {
      node: {
        ...this.#self,
        node_id: this.nodeId,
        started_ms: this.#startedMs,
        memory_bytes: this.#memoryBytes(),
      },
      link: {
        state: this.state,
        connects_total: this.#link.connects,
        reconnects_total: Math.max(0, this.#link.connects - 1),
        losses_total: this.#link.losses,
        lease_refreshes_total: this.#link.refreshes,
        lease_age_ms: age,
      },
      catalog: {
        publishes_total: this.#catalog.publishes,
        changes_total: this.#catalog.changes,
        refusals_total: this.#catalog.refusals,
      },
      manifests: {
        reloads_total: this.#manifests.reloads,
        errors: this.#manifests.errors,
        warnings: this.#manifests.warnings,
      },
      runs: {
        ok_total: this.#runs.ok,
        errors_total: this.#runs.error,
        timeouts_total: this.#runs.timeout,
      },
      clients: this.#clients(),
      services: this.#services(),
    };
  }
}
