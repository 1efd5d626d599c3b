/**
 * Sees to it that every driver is looked at: soon after it is new, then at the
 * interval of its service, and after a bad look with a wait that doubles.
 *
 * The times come from the supervision machine; this module keeps the calendar.
 * One timer serves all services. The first looks after a start are spread over
 * the interval, so that a thousand services are not looked at in one moment.
 *
 * @module
 */

import type { CancelTimer, Clock } from "../../drivers/process/clock.ts";
import { probe, type Probed } from "./probe.ts";

/** Looks under way at the same time. */
const CONCURRENT = 8;

/** Shortest wait between two looks at one driver, in milliseconds. */
const SHORTEST_MS = 25;

/** A look that can wait for so long, in milliseconds, is taken together with those that are due a moment later. */
const PATIENT_MS = 1_000;
const TOGETHER_MS = 100;

/** How long a catalog waits for the first look at what is new, in milliseconds. */
const FIRST_LOOK_MS = 2_000;

/** A service that is watched over. */
export interface Supervised extends Probed {
  /** Milliseconds from a look to the next; `undefined` while nobody should look. */
  readonly nextLookIn: number | undefined;
}

/** What a supervisor takes from outside. */
export interface SupervisorDeps {
  readonly clock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
}

interface Entry {
  /** When the next look is due, on the monotonic clock. */
  dueAt: number;
  isUnderWay: boolean;
  /** Whether somebody waits for the first look. */
  isNew: boolean;
  /** Whether another look was wanted while one was under way. */
  isWanted: boolean;
}

/** Looks at the drivers of services. */
export class Supervisor {
  readonly #deps: SupervisorDeps;
  readonly #entries = new Map<Supervised, Entry>();
  readonly #waiting = new Set<() => void>();
  #underWay = 0;
  /** Whether more looks are due than may be under way. */
  #hasBacklog = false;
  #cancelTimer: CancelTimer | undefined;
  #timerAt = Infinity;
  #isClosed = false;

  constructor(deps: SupervisorDeps) {
    this.#deps = deps;
  }

  /** Takes the services as they are now; those that are new are looked at at once. */
  watch(services: Iterable<Supervised>): void {
    const wanted = new Set(services);
    for (const known of this.#entries.keys()) if (!wanted.has(known)) this.#entries.delete(known);
    for (const service of wanted) {
      if (!this.#entries.has(service)) this.#entries.set(service, newEntry(this.#now()));
    }
    this.#turn();
  }

  /** Looks at a service as soon as possible: its driver is new, or an operator wants to know. */
  lookSoon(service: Supervised | undefined): void {
    const entry = service === undefined ? undefined : this.#entries.get(service);
    if (entry === undefined) return;
    entry.dueAt = this.#now();
    entry.isNew = true;
    entry.isWanted = entry.isUnderWay;
    this.#turn();
  }

  /** Resolves when everything that is new has been looked at, or would take too long. */
  async settled(): Promise<void> {
    if (!this.#hasNew()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const cancel = this.#deps.clock.after(FIRST_LOOK_MS, resolve);
    await promise;
    cancel();
    this.#waiting.delete(resolve);
  }

  /** Looks at nothing any more. */
  close(): void {
    this.#isClosed = true;
    this.#entries.clear();
    this.#cancelTimer?.();
    this.#tell();
  }

  /** Begins the looks that are due, as many as may be, and sets the timer for the next. */
  #turn(): void {
    if (this.#isClosed) return;
    const now = this.#now();
    let next = Infinity;
    this.#hasBacklog = false;
    for (const [service, entry] of this.#entries) {
      if (entry.isUnderWay) continue;
      if (service.nextLookIn === undefined) {
        entry.isNew = false;
        continue;
      }
      if (entry.dueAt > now) next = Math.min(next, entry.dueAt);
      else if (this.#underWay < CONCURRENT) this.#look(service, entry);
      else this.#hasBacklog = true;
    }
    this.#setTimer(next);
    this.#tell();
  }

  #look(service: Supervised, entry: Entry): void {
    const isFirst = entry.isNew;
    entry.isUnderWay = true;
    entry.isWanted = false;
    this.#underWay++;
    void probe(service, this.#deps.clock).finally(() => {
      this.#underWay--;
      entry.isUnderWay = false;
      const wait = Math.max(service.nextLookIn ?? 0, SHORTEST_MS);
      entry.dueAt = entry.isWanted ? this.#now() : this.#dueIn(isFirst ? wait * (0.5 + this.#deps.random() / 2) : wait);
      entry.isNew = entry.isWanted;
      // Of looks that were taken together the last one sees to the next.
      if (this.#underWay === 0 || this.#hasBacklog || entry.dueAt < this.#timerAt) this.#turn();
      else this.#tell();
    });
  }

  #dueIn(wait: number): number {
    const at = this.#now() + wait;
    return wait < PATIENT_MS ? at : Math.ceil(at / TOGETHER_MS) * TOGETHER_MS;
  }

  #setTimer(at: number): void {
    if (at === this.#timerAt) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAt = at;
    if (at === Infinity) return;
    this.#cancelTimer = this.#deps.clock.after(at - this.#now(), () => {
      this.#timerAt = Infinity;
      this.#turn();
    });
  }

  #tell(): void {
    if (this.#waiting.size === 0 || this.#hasNew()) return;
    for (const resolve of this.#waiting) resolve();
  }

  #hasNew(): boolean {
    for (const { isNew } of this.#entries.values()) if (isNew) return true;
    return false;
  }

  #now(): number {
    return this.#deps.clock.monotonic();
  }
}

function newEntry(now: number): Entry {
  return { dueAt: now, isUnderWay: false, isNew: true, isWanted: false };
}
