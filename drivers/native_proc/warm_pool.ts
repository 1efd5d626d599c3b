/**
 * Processes that are already started and wait on their standard input, for one
 * call each, so that a call does not pay for the start of its program.
 *
 * The pool is filled when it is made and again when calls pause, or after an
 * answer when few are left; a call that comes meanwhile goes first. A process that ends before its use is replaced, the sooner
 * the rarer that happens. One whose file has changed since is never used.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { CancelTimer, Clock } from "../process/clock.ts";
import type { Os } from "../process/os.ts";
import { Capture } from "../process/pump.ts";
import { type StartedProgram, startProgram } from "../process/spawn.ts";
import { lastLine } from "./last_words.ts";
import type { ReadyProgram, Unready } from "./program.ts";
import { restartDelayMs } from "./restart_delay.ts";

/** How much is read of the last words of a process that ended unused, in bytes. */
const LAST_WORDS_BYTES = 4_096;

/** How often is looked whether the waiting processes live, where nobody tells, in milliseconds. */
const LOOK_MS = 1_000;

/** How long the end of a killed process is waited for, in milliseconds; more only if it hangs in the kernel. */
const END_MS = 1_000;

/** How long a waiting process must have lived for what happened before to be over, in milliseconds. */
const WELL_MS = 10_000;

/** How long no call may have begun or ended for calls to have paused, in milliseconds. */
const PAUSE_MS = 2;

/** What a pool takes from outside. */
export interface WarmPoolDeps {
  /** How many processes wait. */
  readonly size: number;
  /** Name of the program in sentences. */
  readonly name: string;
  readonly clock: Clock;
  readonly os: Os;
  readonly ready: () => Promise<ReadyProgram | Unready>;
}

interface Member {
  readonly program: StartedProgram;
  readonly stamp: string;
}

/** Waiting processes of one service. */
export class WarmPool {
  readonly #deps: WarmPoolDeps;
  #members: Member[] = [];
  #filling: Promise<void> | undefined;
  /** The one that is being started. */
  #starting: Promise<unknown> | undefined;
  /** How many shall wait when the filling is over. */
  #upTo = 0;
  #cancelFill: CancelTimer | undefined;
  /** When a call last began or ended, as `clock.monotonic` tells it. */
  #usedAt = 0;
  /** The stamp that the last call wanted. */
  #askedFor: string | undefined;
  #cancelLook: CancelTimer | undefined;
  readonly #burials = new Set<Promise<void>>();
  #isClosed = false;
  /** Whether the next start waits because of those that have ended unused. */
  #isHeldBack = false;
  /** How many have ended unused, one after the other. */
  #deaths = 0;
  #lastDeath = "";
  /** When that was, as `clock.monotonic` tells it. */
  #lastDeathAt = -Infinity;

  constructor(deps: WarmPoolDeps) {
    this.#deps = deps;
    this.#fill();
  }

  /** How many processes wait now. */
  get waiting(): number {
    return this.#members.length;
  }

  /** Takes a process out for a call; undefined when none waits. Ends those whose stamp is not the one given. */
  take(stamp: string): StartedProgram | undefined {
    const stale = this.#members.filter((member) => member.stamp !== stamp);
    if (stale.length > 0) {
      this.#members = this.#members.filter((member) => member.stamp === stamp);
      for (const member of stale) this.#bury(this.#end(member));
    }
    this.#askedFor = stamp;
    let member = this.#members[0];
    while (member?.program.hasEnded?.()) {
      this.#bury(this.#ended(member));
      member = this.#members[0];
    }
    if (member !== undefined) this.#deaths = 0;
    this.#members.shift();
    if (!this.#isLow()) this.#upTo = 0;
    this.#fillInPause();
    return member?.program;
  }

  /** The same, once the process that is being started waits: a call needs no second one then. */
  async takeNext(stamp: string): Promise<StartedProgram | undefined> {
    if (this.#starting === undefined) return undefined;
    await this.#starting;
    return this.take(stamp);
  }

  /** Notes those that have ended. */
  #look(): void {
    for (const member of [...this.#members]) {
      if (member.program.hasEnded?.()) this.#bury(this.#ended(member));
    }
  }

  #lookLater(): void {
    this.#cancelLook ??= this.#deps.clock.after(LOOK_MS, () => {
      this.#cancelLook = undefined;
      this.#look();
      if (this.#members.length > 0) this.#lookLater();
    });
  }

  /**
   * Fills the pool once calls have paused: a start takes what the next call
   * needs. When fewer than half are left, starts one at the next turn.
   */
  refill(): void {
    if (this.#isLow() && !this.#isClosed && !this.#isHeldBack) this.#fill(this.#members.length + 1);
    this.#fillInPause();
  }

  #isLow(): boolean {
    return 2 * this.#members.length < this.#deps.size;
  }

  #fillInPause(): void {
    const { clock } = this.#deps;
    this.#usedAt = clock.monotonic();
    if (this.#isClosed || this.#isHeldBack || this.#cancelFill !== undefined) return;
    // One timer for many calls: each would pay as much for its own as for the look at its file.
    const look = (delayMs: number) => {
      this.#cancelFill = clock.after(delayMs, () => {
        this.#cancelFill = undefined;
        const left = PAUSE_MS - (clock.monotonic() - this.#usedAt);
        if (left > 0) look(left);
        else this.#fill();
      });
    };
    look(PAUSE_MS);
  }

  /** What is wrong with the pool, as a sentence. */
  problem(): string | undefined {
    const { clock } = this.#deps;
    const isWellAgain = this.#members.length > 0 && clock.monotonic() - this.#lastDeathAt >= WELL_MS;
    if (this.#deaths === 0 || isWellAgain) return undefined;
    const { name } = this.#deps;
    return `Processes of "${name}" that wait for a call end before it comes (${this.#deaths} in a row, the last one ` +
      `${this.#lastDeath}); calls start the program themselves until it waits on its standard input`;
  }

  /** Ends all processes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#filling;
    this.#cancelFill?.();
    this.#cancelLook?.();
    for (const member of this.#members.splice(0)) this.#bury(this.#end(member));
    await Promise.all(this.#burials);
  }

  #bury(burial: Promise<void>): void {
    const done = burial.finally(() => this.#burials.delete(done));
    this.#burials.add(done);
  }

  #fillAfter(delayMs: number): void {
    this.#cancelFill?.();
    this.#cancelFill = this.#deps.clock.after(delayMs, () => {
      this.#cancelFill = undefined;
      this.#isHeldBack = false;
      this.#fill();
    });
  }

  #fill(upTo = this.#deps.size): void {
    this.#upTo = this.#filling === undefined ? upTo : Math.max(this.#upTo, upTo);
    this.#filling ??= this.#startMissing().finally(() => this.#filling = undefined);
  }

  /** One after the other: each start holds the loop up. */
  async #startMissing(): Promise<void> {
    while (!this.#isClosed && this.#members.length < this.#upTo && !this.#isHeldBack) {
      // First of all, whoever has just got an answer goes on.
      await new Promise((resolve) => setImmediate(resolve));
      const asked = this.#askedFor;
      const ready = await this.#deps.ready();
      // The next call meets the same problem and tells it; the one after its answer fills the pool.
      if ("problem" in ready || this.#isClosed) return;
      const starting = startProgram(ready.start);
      this.#starting = starting;
      const program = await starting;
      this.#starting = undefined;
      if (!program.started) return;
      const member = { program, stamp: ready.stamp };
      if (this.#askedFor !== asked && this.#askedFor !== ready.stamp) {
        // While it was started, a call has found that its file has changed.
        this.#bury(this.#end(member));
        continue;
      }
      this.#members.push(member);
      if (program.hasEnded === undefined) program.exited.then(() => this.#bury(this.#ended(member)));
      else this.#lookLater();
    }
  }

  /** Replaces a process that ended before its use. */
  async #ended(member: Member): Promise<void> {
    const index = this.#members.indexOf(member);
    if (index < 0) return;
    this.#members.splice(index, 1);
    this.#deps.os.killLeftovers(member.program.pid);
    this.#deaths++;
    this.#lastDeathAt = this.#deps.clock.monotonic();
    this.#isHeldBack = true;
    if (!this.#isClosed) this.#fillAfter(restartDelayMs(this.#deaths));
    const exit = await member.program.exited;
    const how = exit.signal === null ? `exited with code ${exit.code}` : `was ended by ${exit.signal}`;
    this.#lastDeath = how;
    const words = lastLine(await lastWords(member.program, this.#deps.clock));
    if (words !== "") this.#lastDeath = `${how}: ${words}`;
  }

  async #end({ program }: Member): Promise<void> {
    const { clock, os } = this.#deps;
    os.killTree(program.pid);
    await within(clock, program.exited);
    program.release();
  }
}

async function lastWords(program: StartedProgram, clock: Clock): Promise<Uint8Array> {
  const capture = new Capture(LAST_WORDS_BYTES, () => {});
  await within(clock, capture.from(program.stderr));
  program.release();
  return capture.bytes();
}

async function within(clock: Clock, done: Promise<unknown>): Promise<void> {
  const overdue = Promise.withResolvers<void>();
  const cancel = clock.after(END_MS, overdue.resolve);
  await Promise.race([done, overdue.promise]);
  cancel();
}
