/**
 * Runs code that may crash, hang or grow in helpers that are kept warm.
 *
 * The code never runs in the process that asks. A helper has prepared one
 * version of one file and runs one call at a time; after the call it waits for
 * the next, and ends when none has come for a while. It is killed, with
 * everything that it started, when a call takes too long, is cancelled, writes
 * or occupies too much; the next call then gets a fresh one, as it does when
 * the file has changed. Nothing is started before the first call or look.
 *
 * Source: docs/architecture.md, decision 9.
 *
 * @module
 */

import { mkdtemp, rm } from "node:fs/promises";
import { Buffer } from "node:buffer";
import { statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { FailureReason, HealthReport, Invocation, InvokeResult } from "../driver.ts";
import type { CancelTimer, Clock } from "./clock.ts";
import { Helper, type HelperAnswer } from "./helper.ts";
import { removeLeftovers } from "./leftovers.ts";
import type { Os } from "./os.ts";
import type { SelfCommand } from "./self_command.ts";
import { type ProgramExit, startProgram } from "./spawn.ts";

/** What runs in the helpers, and within which limits. */
export interface WarmHelpersOptions {
  /** What the file is, for messages: `library` or `module`. */
  readonly noun: string;
  /** As the manifest names it, for messages. */
  readonly name: string;
  /** Absolute path of the file. */
  readonly file: string;
  /** The member of `runtime` that names the file. */
  readonly member: string;
  /** Why nothing may run: a sentence, which is what every call and look is answered with. */
  readonly refusal?: string | undefined;
  /** The command of a helper. */
  readonly command: () => SelfCommand;
  readonly cwd: string;
  /** Environment of a helper. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * What a helper is told to prepare.
   *
   * @param folder A folder for a private copy of the file; it is gone soon after the helper has answered.
   * @param mark See {@linkcode HelperOptions.mark}.
   */
  readonly words: (folder: string, mark: string) => unknown;
  /** Whether `words` wants a folder. */
  readonly wantsFolder: boolean;
  readonly maxOutputBytes: number;
  /** How much memory a helper may occupy beyond what it did before it was first called, in bytes. */
  readonly maxMemoryBytes: number;
  readonly clock: Clock;
  readonly os: Os;
}

/** How long a helper waits for the next call, in milliseconds: the last one of a service, and those beside it. */
const KEEP_LAST_MS = 60_000;
const KEEP_OTHERS_MS = 5_000;

/** How long the file may take to be prepared when nobody has said how long, in milliseconds. */
const LOOK_MS = 5_000;

/** How long a look waits for its turn before it is answered without one, in milliseconds. */
const TURN_MS = 4_000;

/** How long it is believed that a file cannot be prepared, in milliseconds: what it lacks may be installed. */
const BELIEVE_MS = 60_000;

/** How often memory is looked at, in milliseconds; less often where one look takes longer than a tenth of it. */
const WATCH_MS = 10;

/** How many helpers of all services together may start only in order to look: a thousand may ask at once. */
const MOST_LOOKS = 2;

/** Why a call does not go on. */
type Forced = "timeout" | "cancelled" | "memory";

/** A helper in use. */
interface Seat {
  readonly helper: Helper;
  /** What it occupied before its first call, in bytes. */
  readonly startBytes: number;
  stopWaiting: CancelTimer | undefined;
}

/** What is known of the file. */
interface Verdict {
  readonly identity: string;
  readonly health: HealthReport;
  readonly at: number;
}

/** How a call ended, before it is put into words. */
interface Ending {
  readonly reason: FailureReason | undefined;
  readonly exitCode: number;
  readonly message: string;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  /** Whether the code itself chose to fail. */
  readonly isOwn?: boolean;
}

const nothing = new Uint8Array();
const online: HealthReport = { state: "online", detail: null };

/** The helpers of one service. */
export class WarmHelpers {
  readonly #options: WarmHelpersOptions;
  readonly #idle: Seat[] = [];
  readonly #busy = new Map<Seat, (forced: Forced) => void>();
  /** One for each helper that lives, or whose copy of the file is still there. */
  readonly #ends = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #verdict: Verdict | undefined;
  #looking: Promise<HealthReport> | undefined;
  #stopWatching: CancelTimer | undefined;
  #isWatching = false;

  constructor(options: WarmHelpersOptions) {
    this.#options = options;
  }

  /** As {@linkcode Driver.invoke}. */
  async invoke(invocation: Invocation): Promise<InvokeResult> {
    const run = this.#invoke(invocation);
    this.#running.add(run);
    try {
      return await run;
    } finally {
      this.#running.delete(run);
    }
  }

  /** As {@linkcode Driver.health}. The file is prepared in a helper once for each version of it. */
  health(): Promise<HealthReport> {
    const found = this.#identity();
    if ("problem" in found) return Promise.resolve({ state: "offline", detail: found.problem });
    const known = this.#verdict;
    if (known?.identity === found.identity) {
      const isFresh = this.#options.clock.monotonic() - known.at < BELIEVE_MS;
      if (known.health.state === "online" || isFresh) return Promise.resolve(known.health);
    }
    this.#looking ??= this.#look().finally(() => this.#looking = undefined);
    return this.#looking;
  }

  /** As {@linkcode Driver.close}. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#running);
    await this.#looking;
    for (const seat of this.#idle.splice(0)) this.#dismiss(seat);
    await Promise.all(this.#ends);
    this.#stopWatching?.();
  }

  async #invoke({ payload, timeout_ms, signal }: Invocation): Promise<InvokeResult> {
    const { clock } = this.#options;
    const began = clock.monotonic();
    const force = new Force();
    const stopDeadline = clock.after(timeout_ms, () => force.now("timeout"));
    const cancel = () => force.now("cancelled");
    signal.addEventListener("abort", cancel);
    this.#closing.signal.addEventListener("abort", cancel);
    if (signal.aborted || this.#closing.signal.aborted) cancel();
    try {
      const { reason, exitCode, message, stdout, stderr, isOwn = false } = await this.#run(
        payload,
        timeout_ms,
        force,
        began,
      );
      const outputs = { stdout, stderr, duration_ms: Math.round(clock.monotonic() - began) };
      if (reason === undefined) return { ok: true, exit_code: 0, ...outputs };
      // A failure of its own the code explains itself; of what was done to it, it knows nothing.
      const isExplained = stderr.length === 0 || isOwn || reason === "output_limit";
      if (!isExplained) outputs.stderr = Buffer.concat([stderr, Buffer.from(`\nzss: ${message}\n`)]);
      return { ok: false, reason, exit_code: exitCode, message, ...outputs };
    } finally {
      stopDeadline();
      signal.removeEventListener("abort", cancel);
      this.#closing.signal.removeEventListener("abort", cancel);
    }
  }

  async #run(payload: Uint8Array, timeoutMs: number, force: Force, began: number): Promise<Ending> {
    if (force.reason !== undefined) return this.#forced(force.reason, timeoutMs, nothing);
    const found = this.#identity();
    if ("problem" in found) return notStarted(found.problem);
    const seat = this.#takeIdle(found.identity) ?? await this.#start(found.identity, force);
    if ("reason" in seat) return seat;
    if ("forced" in seat) return this.#forced(seat.forced, timeoutMs, seat.stderr);
    const { helper } = seat;
    this.#busy.set(seat, (forced) => force.now(forced));
    this.#watch();
    const release = force.onForced(() => helper.kill());
    const answer = await helper.call(timeoutMs, payload);
    release();
    this.#busy.delete(seat);
    const ending = this.#ending(answer, force, timeoutMs, helper, began);
    if (answer.kind === "result" && !answer.result.isSpent && helper.isAlive) this.#keep(seat);
    else await this.#dismiss(seat);
    return ending;
  }

  /** Which version of the file is there now. */
  #identity(): { readonly identity: string } | { readonly problem: string } {
    const { file, name, noun, member, refusal } = this.#options;
    if (refusal !== undefined) return { problem: refusal };
    try {
      const found = statSync(file, { bigint: true, throwIfNoEntry: false });
      if (found?.isFile()) {
        const { dev, ino, size, mtimeNs, ctimeNs } = found;
        return { identity: [dev, ino, size, mtimeNs, ctimeNs].join(":") };
      }
      const state = found === undefined ? "does not exist" : "is not a file";
      return { problem: `Cannot load ${noun} "${name}": "${file}" ${state}; correct runtime.${member}` };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { problem: `Cannot load ${noun} "${name}": ${reason}` };
    }
  }

  #takeIdle(identity: string): Seat | undefined {
    for (let seat = this.#idle.pop(); seat !== undefined; seat = this.#idle.pop()) {
      seat.stopWaiting?.();
      if (seat.helper.isAlive && seat.helper.identity === identity) return seat;
      this.#dismiss(seat);
    }
    return undefined;
  }

  /** Starts a helper and lets it prepare the file. */
  async #start(
    identity: string,
    force: Force,
  ): Promise<Seat | Ending | { readonly forced: Forced; readonly stderr: Uint8Array }> {
    const { command, cwd, env, os, clock, words, wantsFolder, maxOutputBytes, noun, name } = this.#options;
    const self = command();
    const mark = `\0${crypto.randomUUID()}\0`;
    const folder = wantsFolder ? await privateFolder() : "";
    if (folder === undefined) {
      return notStarted(
        `Cannot load ${noun} "${name}": no folder for its copy can be made in "${tmpdir()}"; set TMPDIR`,
      );
    }
    const clear = clearerOf(folder);
    const program = await startProgram({ ...self, cwd, env: { ...env, ...self.env }, os });
    if (!program.started) {
      await clear();
      return notStarted(`Cannot load ${noun} "${name}": its helper does not start: ${program.reason}`);
    }
    const helper = new Helper({ program, identity, mark, maxOutputBytes, os, clock });
    // What is loaded needs its file no more, except on Windows, which keeps it until the process has ended.
    const ended = helper.gone.then(clear);
    this.#ends.add(ended);
    ended.then(() => this.#ends.delete(ended));
    const release = force.onForced(() => helper.kill());
    const answer = await helper.load(words(folder, mark));
    release();
    await clear();
    if (answer.kind === "ready" && helper.isAlive) {
      this.#verdict = { identity, health: online, at: clock.monotonic() };
      return { helper, startBytes: await os.rssOf(helper.pid) ?? 0, stopWaiting: undefined };
    }
    helper.kill();
    await helper.gone;
    if (force.reason !== undefined) return { forced: force.reason, stderr: helper.printed() };
    const problem = `Cannot load ${noun} "${name}": ${whyNotReady(answer)}`;
    this.#verdict = { identity, health: { state: "offline", detail: problem }, at: clock.monotonic() };
    return notStarted(problem);
  }

  async #look(): Promise<HealthReport> {
    const { clock, noun, name } = this.#options;
    const force = new Force();
    const leave = await this.#turn();
    if (leave === undefined) return online;
    const stopDeadline = clock.after(LOOK_MS, () => force.now("timeout"));
    const cancel = () => force.now("cancelled");
    this.#closing.signal.addEventListener("abort", cancel);
    try {
      if (this.#closing.signal.aborted) return { state: "offline", detail: "the service has stopped" };
      const found = this.#identity();
      if ("problem" in found) return { state: "offline", detail: found.problem };
      const seat = await this.#start(found.identity, force);
      if ("reason" in seat) return { state: "offline", detail: seat.message };
      if (!("forced" in seat)) {
        this.#keep(seat, KEEP_OTHERS_MS);
        return online;
      }
      const detail = `Cannot load ${noun} "${name}": it took longer than ${LOOK_MS} ms`;
      const health: HealthReport = { state: "offline", detail };
      this.#verdict = { identity: found.identity, health, at: clock.monotonic() };
      return health;
    } finally {
      stopDeadline();
      this.#closing.signal.removeEventListener("abort", cancel);
      leave();
    }
  }

  /** Waits until it may look; undefined when it would take too long. The file is there, which is all that is known then. */
  async #turn(): Promise<(() => void) | undefined> {
    const late = new AbortController();
    const stopWaiting = this.#options.clock.after(TURN_MS, () => late.abort());
    const leave = await looks.enter(AbortSignal.any([late.signal, this.#closing.signal]));
    stopWaiting();
    return leave;
  }

  #keep(seat: Seat, forMs = this.#idle.length === 0 ? KEEP_LAST_MS : KEEP_OTHERS_MS): void {
    if (this.#closing.signal.aborted) return void this.#dismiss(seat);
    this.#idle.push(seat);
    seat.stopWaiting = this.#options.clock.after(forMs, () => {
      const at = this.#idle.indexOf(seat);
      if (at >= 0) this.#idle.splice(at, 1);
      this.#dismiss(seat);
    });
  }

  #dismiss({ helper, stopWaiting }: Seat): Promise<void> {
    stopWaiting?.();
    helper.kill();
    return helper.gone;
  }

  /** Looks at the memory of the helpers for as long as one of them works. */
  #watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#watchIn(WATCH_MS);
  }

  #watchIn(ms: number): void {
    const { clock } = this.#options;
    this.#stopWatching = clock.after(ms, async () => {
      const began = clock.monotonic();
      await Promise.all([...this.#busy].map(([seat, end]) => this.#weigh(seat, () => end("memory"))));
      await Promise.all(this.#idle.map((seat) => this.#weigh(seat, () => seat.helper.kill())));
      this.#isWatching = this.#busy.size > 0 && !this.#closing.signal.aborted;
      if (this.#isWatching) this.#watchIn(Math.max(WATCH_MS, 10 * (clock.monotonic() - began)));
    });
  }

  async #weigh({ helper, startBytes }: Seat, onHeavy: () => void): Promise<void> {
    const { os, maxMemoryBytes } = this.#options;
    const bytes = await os.rssOf(helper.pid);
    if (bytes !== undefined && bytes - startBytes > maxMemoryBytes) onHeavy();
  }

  #ending(answer: HelperAnswer, force: Force, timeoutMs: number, helper: Helper, began: number): Ending {
    const { name, clock } = this.#options;
    const after = `after ${Math.round(clock.monotonic() - began)} ms`;
    const stderr = helper.printed();
    const failed = (reason: FailureReason, exitCode: number, message: string): Ending => ({
      ...{ reason, exitCode, message, stdout: nothing, stderr },
    });
    if (force.reason !== undefined && answer.kind !== "result") return this.#forced(force.reason, timeoutMs, stderr);
    switch (answer.kind) {
      case "result": {
        const { end, exitCode, note, stdout } = answer.result;
        const outputs = { stdout, stderr: answer.result.stderr };
        const also = note === "" ? "" : `: ${note}`;
        if (end === "output_limit") return { ...failed(end, -1, this.#tooMuch()), ...outputs };
        if (end === "trap") return { ...failed("signal", -1, `"${name}" trapped ${after}${also}`), ...outputs };
        if (exitCode === 0) return { ...outputs, reason: undefined, exitCode, message: "" };
        const message = `"${name}" returned code ${exitCode} ${after}${also}`;
        return { ...failed("exit", exitCode, message), ...outputs, isOwn: note === "" };
      }
      case "flooded":
        return failed("output_limit", -1, this.#tooMuch());
      case "ended":
        return this.#ended(answer.exit, after, stderr);
      default: {
        const why = answer.kind === "damaged" ? answer.why : "it gave no answer";
        const message =
          `"${name}" damaged the answer of its helper ${after}: ${why}; the next call gets a fresh helper`;
        return failed("exit", 125, message);
      }
    }
  }

  #ended({ code, signal }: ProgramExit, after: string, stderr: Uint8Array): Ending {
    const { name, noun } = this.#options;
    const failed = { stdout: nothing, stderr };
    const fresh = "the next call gets a fresh helper";
    if (signal !== null) {
      const message = `"${name}" was ended by ${signal} ${after}: it crashed its helper; ${fresh}`;
      return { ...failed, reason: "signal", exitCode: -1, message };
    }
    const message = `"${name}" ended its helper with code ${code} ${after} where a ${noun} returns; ${fresh}`;
    return { ...failed, reason: "exit", exitCode: code === null || code === 0 ? 125 : code, message };
  }

  #forced(reason: Forced, timeoutMs: number, stderr: Uint8Array): Ending {
    const { name, maxMemoryBytes } = this.#options;
    const ended = { exitCode: -1, stdout: nothing, stderr };
    switch (reason) {
      case "timeout": {
        const message = `"${name}" ran longer than its timeout_ms of ${timeoutMs}, and was ended`;
        return { ...ended, reason, message };
      }
      case "cancelled":
        return { ...ended, reason, message: `"${name}" was ended because the service stopped` };
      case "memory": {
        const message = `"${name}" was ended because it took more than ${maxMemoryBytes} bytes of memory; ` +
          "raise runtime.max_memory_bytes";
        return { ...ended, reason: "signal", message };
      }
    }
  }

  #tooMuch(): string {
    const { name, maxOutputBytes } = this.#options;
    return `"${name}" was ended because it wrote more than ${maxOutputBytes} bytes; raise runtime.max_output_bytes`;
  }
}

/** What ends a call before its time; the first reason counts. */
class Force {
  reason: Forced | undefined;
  #listener: (() => void) | undefined;

  now(reason: Forced): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    this.#listener?.();
  }

  /** Calls once, at once when it has happened already. Returns how to stop listening. */
  onForced(listener: () => void): () => void {
    if (this.reason !== undefined) listener();
    else this.#listener = listener;
    return () => this.#listener = undefined;
  }
}

/** Lets a few in at a time, in the order in which they came. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  /** Returns how to leave; undefined when `signal` fires first. */
  async enter(signal: AbortSignal): Promise<(() => void) | undefined> {
    if (this.#free > 0) this.#free--;
    else if (!await this.#wait(signal)) return undefined;
    return () => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    };
  }

  #wait(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(come), 1);
        resolve(false);
      };
      const come = () => {
        signal.removeEventListener("abort", giveUp);
        resolve(true);
      };
      this.#waiting.push(come);
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }
}

/** One for all services, since they share one machine. */
const looks = new Gate(MOST_LOOKS);

function whyNotReady(answer: HelperAnswer): string {
  switch (answer.kind) {
    case "refused":
      return answer.reason;
    case "ended": {
      const { code, signal } = answer.exit;
      return `it ended the process that loaded it ${signal === null ? `with code ${code}` : `by ${signal}`}`;
    }
    case "flooded":
      return "it printed too much while it was loaded";
    case "damaged":
      return `it damaged what its helper says: ${answer.why}`;
    default:
      return "its helper gave no answer";
  }
}

/** A folder that only this user can enter; undefined when there is no place for one. */
async function privateFolder(): Promise<string | undefined> {
  await (sweeping ??= removeLeftovers({
    folder: tmpdir(),
    names: /^zss-inproc-(\d+)-\w+$/,
    unchangedMs: 60_000,
    now: Date.now(),
  }));
  return await mkdtemp(join(tmpdir(), `zss-inproc-${process.pid}-`)).catch(() => undefined);
}

/** Before the first folder, those of nodes that were killed are removed. */
let sweeping: Promise<void> | undefined;

/** Removes a folder, unless it was removed before; what cannot be removed stays. */
function clearerOf(folder: string): () => Promise<void> {
  let isThere = folder !== "";
  return async () => {
    if (!isThere) return;
    isThere = false;
    await rm(folder, { recursive: true, force: true }).catch(() => isThere = true);
  };
}

function notStarted(message: string): Ending {
  return { reason: "launch", exitCode: -1, message, stdout: nothing, stderr: nothing };
}
