/**
 * Keeps the services of a node like its manifests.
 *
 * Looks at the manifests again and again, and touches the services whose
 * manifest says something else than before. A file that cannot be read now
 * keeps the service that it last defined, which says so; a file that is gone
 * takes its service with it.
 *
 * @module
 */

import { dirname } from "node:path";
import { errorText } from "../../control/protocol/errors.ts";
import { type Clock, sleep } from "../../drivers/process/clock.ts";
import { applySteps, type ReloadChange, type ReloadTarget } from "./apply.ts";
import { planReload } from "./plan.ts";

/** A service as its manifest wants it. */
export interface WantedService<Definition> {
  readonly service_id: string;
  /** The file that defines it. */
  readonly origin: string;
  /** Equal for two versions that are the same; see `fingerprint.ts`. */
  readonly fingerprint: string;
  readonly definition: Definition;
}

/** What a look at the manifests gives. */
export interface WantedServices<Definition> {
  /** One entry per service_id. */
  readonly services: readonly WantedService<Definition>[];
  /** Files that are there but define nothing usable now, folders that cannot be listed now, and why, in one line. */
  readonly damaged: ReadonlyMap<string, string>;
  /** When to look again although nothing more may happen, in milliseconds; absent for the usual interval. */
  readonly lookAgainMs?: number;
}

/** What reloading takes from outside. */
export interface ReloaderDeps<Definition> {
  /** Reads the manifests. A rejection changes nothing and is reported. */
  readonly load: () => Promise<WantedServices<Definition>>;
  readonly target: ReloadTarget<Definition>;
  readonly clock: Clock;
  /** From the end of one look to the next, in milliseconds. */
  readonly intervalMs: number;
  /**
   * Resolves when something may have changed, or `signal` fires; called again for the next time.
   * Without it there is only the interval.
   *
   * @default {none}
   */
  readonly stir?: (signal: AbortSignal) => Promise<void>;
  /** Hears of each problem once for as long as it lasts, one sentence each. */
  readonly report: (problem: string) => void;
}

interface Held {
  readonly origin: string;
  readonly fingerprint: string;
}

const NOTHING: ReloadChange = { added: [], replaced: [], removed: [] };

/** Keeps services like manifests. */
export class Reloader<Definition> {
  readonly #deps: ReloaderDeps<Definition>;
  readonly #held = new Map<string, Held>();
  #problems: ReadonlySet<string> = new Set();
  #faults: ReadonlyMap<string, string> = new Map();
  /** What the last look found, when all of it was done. */
  #done: WantedServices<Definition> | undefined;
  #waitMs: number;
  #looking: Promise<ReloadChange> = Promise.resolve(NOTHING);

  constructor(deps: ReloaderDeps<Definition>) {
    this.#deps = deps;
    this.#waitMs = deps.intervalMs;
  }

  /** Looks once, after a look that is under way. Never rejects. */
  reload(): Promise<ReloadChange> {
    this.#looking = this.#looking.then(() => this.#look());
    return this.#looking;
  }

  /**
   * Looks at every interval, and when something stirs, until `signal` fires. The first look is one interval away.
   *
   * @param changed Called after a look that changed something.
   */
  async run(signal: AbortSignal, changed: (change: ReloadChange) => void): Promise<void> {
    while (!signal.aborted) {
      await this.#untilNext(signal);
      if (signal.aborted) return;
      const change = await this.reload();
      if (!isNothing(change)) changed(change);
    }
  }

  async #untilNext(signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const due = sleep(this.#deps.clock, this.#waitMs, either);
    await Promise.race([due, ...(this.#deps.stir === undefined ? [] : [this.#deps.stir(either)])]);
    over.abort();
  }

  async #look(): Promise<ReloadChange> {
    let wanted: WantedServices<Definition>;
    try {
      wanted = await this.#deps.load();
    } catch (error) {
      this.#report([`Cannot read the manifests: ${errorText(error)}`]);
      return NOTHING;
    }
    this.#waitMs = Math.min(wanted.lookAgainMs ?? Infinity, this.#deps.intervalMs);
    if (wanted === this.#done) return NOTHING;
    const keep = new Set(
      [...this.#held].filter(([, { origin }]) => damageOf(wanted, origin) !== undefined).map(([id]) => id),
    );
    const usable = wanted.services.filter((service) => this.#mayDefine(service, keep));
    const byId = new Map(usable.map((service) => [service.service_id, service]));
    const running = new Map([...this.#held].map(([id, held]) => [id, held.fingerprint]));
    const steps = planReload(running, byId, (service) => service.fingerprint, keep);
    const { target } = this.#deps;
    let change = NOTHING;
    target.batch(() => {
      const walked = applySteps(steps, target, (service) => service.definition);
      change = walked.change;
      this.#remember(byId, change, new Set(walked.failed.map(({ id }) => id)));
      this.#report(walked.failed.map(({ id, thrown }) => `Cannot reload service "${id}": ${errorText(thrown)}`));
      this.#show(wanted, new Map(walked.failed.map(({ id, thrown }) => [id, errorText(thrown)])));
      this.#done = walked.failed.length === 0 ? wanted : undefined;
    });
    return change;
  }

  /** Says of each service whether its newest version is in use. */
  #show(wanted: WantedServices<Definition>, failed: ReadonlyMap<string, string>): void {
    const faults = new Map<string, string>();
    for (const [id, { origin }] of this.#held) {
      const reason = damageOf(wanted, origin) ?? failed.get(id);
      if (reason !== undefined) faults.set(id, reason);
      if (reason !== this.#faults.get(id)) this.#deps.target.fault(id, reason);
    }
    this.#faults = faults;
  }

  /** While the file of a service is damaged, no other file takes the service over. */
  #mayDefine({ service_id, origin }: WantedService<Definition>, keep: ReadonlySet<string>): boolean {
    return !keep.has(service_id) || this.#held.get(service_id)?.origin === origin;
  }

  #remember(
    wanted: ReadonlyMap<string, WantedService<Definition>>,
    { removed }: ReloadChange,
    failed: ReadonlySet<string>,
  ): void {
    for (const id of removed) this.#held.delete(id);
    for (const [id, { origin, fingerprint }] of wanted) {
      if (!failed.has(id)) this.#held.set(id, { origin, fingerprint });
    }
  }

  #report(problems: readonly string[]): void {
    for (const problem of problems) if (!this.#problems.has(problem)) this.#deps.report(problem);
    this.#problems = new Set(problems);
  }
}

/** Whether a look has changed nothing. */
export function isNothing({ added, replaced, removed }: ReloadChange): boolean {
  return added.length + replaced.length + removed.length === 0;
}

/** Why a file defines nothing usable now; what is in a folder that cannot be listed may well be there still. */
function damageOf({ damaged }: Pick<WantedServices<unknown>, "damaged">, origin: string): string | undefined {
  return damaged.get(origin) ?? damaged.get(dirname(origin));
}
