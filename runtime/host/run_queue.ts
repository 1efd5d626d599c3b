/**
 * Lets a number of jobs run at the same time and keeps some more waiting.
 *
 * Jobs begin in the order in which they were offered.
 *
 * @module
 */

/** A bounded queue before a bounded number of places. */
export class RunQueue<Job> {
  readonly #start: (job: Job) => Promise<void>;
  readonly #maxWaiting: number;
  #places: number;
  #running = 0;
  #waiting: Job[] = [];

  /** @param start Runs a job to its end; it must not reject. */
  constructor(limits: { readonly places: number; readonly waiting: number }, start: (job: Job) => Promise<void>) {
    this.#places = limits.places;
    this.#maxWaiting = limits.waiting;
    this.#start = start;
  }

  /** Changes how many jobs run at the same time; those under way go on. */
  setPlaces(places: number): void {
    this.#places = places;
    this.#fill();
  }

  /** How many jobs run. */
  get running(): number {
    return this.#running;
  }

  /** How many jobs wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Whether `offer` would take a job. */
  get hasRoom(): boolean {
    return this.#running < this.#places || this.#waiting.length < this.#maxWaiting;
  }

  /** Takes a job; begins it at once when there is a place. Ask `hasRoom` first. */
  offer(job: Job): void {
    if (!this.hasRoom) throw new RangeError("Cannot queue a job: the queue is full");
    this.#waiting.push(job);
    this.#fill();
  }

  /** Does something else in a place that is free now; `undefined` when there is none. */
  tryDo<Outcome>(work: () => Promise<Outcome>): Promise<Outcome> | undefined {
    if (this.#running >= this.#places) return undefined;
    this.#running++;
    return work().finally(() => this.#leave());
  }

  /** Removes and returns all jobs that wait. */
  drain(): Job[] {
    const jobs = this.#waiting;
    this.#waiting = [];
    return jobs;
  }

  #fill(): void {
    while (this.#running < this.#places) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#running++;
      void this.#start(job).finally(() => this.#leave());
    }
  }

  #leave(): void {
    this.#running--;
    this.#fill();
  }
}
