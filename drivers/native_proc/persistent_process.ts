/**
 * One persistent process and the calls that it has.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { FailureReason, Invocation, InvokeFailure, InvokeResult } from "../driver.ts";
import type { CancelTimer, Clock } from "../process/clock.ts";
import type { Os } from "../process/os.ts";
import type { ProgramExit, StartedProgram } from "../process/spawn.ts";
import { callLine, readAnswer } from "./answer_line.ts";
import type { NativeProcConfig } from "./config.ts";
import { lastLine } from "./last_words.ts";
import { LineCutter } from "./lines.ts";
import { cancelledMessage, failure, outputLimitMessage, strayNotice, timeoutMessage } from "./outcome.ts";

/** How long an overdue answer may still come, and a process without an input may still end, in milliseconds. */
export const GRACE_MS = 1_000;

/** How long the outputs of a process that has ended are read, in milliseconds. */
const LINGER_MS = 1_000;

/** What is kept of standard error, in bytes; the last ones. */
const MAX_STDERR_BYTES = 16_384;

/** How much longer than its outputs a line may be, in bytes. */
const FRAME_BYTES = 4_096;

/** What a process takes from outside. */
export interface PersistentProcessDeps {
  readonly config: NativeProcConfig;
  readonly clock: Clock;
  readonly os: Os;
  /** Called when an overdue call was not answered in the time of grace. */
  readonly onStuck: () => void;
  /** Called once, when it has ended and every call has its result; `how` is a clause with its name. */
  readonly onEnd: (how: string) => void;
}

interface Call {
  readonly began: number;
  /** When its time is up, as `clock.monotonic` tells it. */
  readonly deadline: number;
  readonly onOverdue: () => void;
  readonly settle: (result: InvokeResult) => void;
}

/** Why we ended a process. */
type Forced = { readonly reason: FailureReason; readonly message: string };

/** A process that answers calls line by line. */
export class PersistentProcess {
  /** Whether any call was answered. */
  hasAnswered = false;
  /** Whether it can take no more calls, though those that it has may still get their results. */
  hasExited = false;
  /** Resolves when it has ended and every call has its result. */
  readonly ended: Promise<void>;
  /** What it does wrong, as a sentence; the calls go on. */
  trouble: string | undefined;
  readonly #program: StartedProgram;
  readonly #deps: PersistentProcessDeps;
  readonly #calls = new Map<string, Call>();
  /** Calls that were given up and whose answers may still come. */
  readonly #overdue = new Map<string, CancelTimer>();
  /** When the deadlines of the calls are looked at next. */
  #deadlines: { readonly at: number; readonly cancel: CancelTimer } | undefined;
  readonly #lines: LineCutter;
  #unsent: Uint8Array[] = [];
  #isSending = false;
  #stderr: Uint8Array[] = [];
  #stderrSize = 0;
  #stdinGrace: CancelTimer | undefined;
  #forced: Forced | undefined;
  #isRetired = false;

  constructor(program: StartedProgram, deps: PersistentProcessDeps) {
    this.#program = program;
    this.#deps = deps;
    this.#lines = new LineCutter(2 * deps.config.max_output_bytes + FRAME_BYTES);
    program.stdout.on("data", (chunk: Uint8Array) => this.#read(chunk));
    program.stderr.on("data", (chunk: Uint8Array) => this.#keepStderr(chunk));
    program.stdin.on("error", () => this.#stdinClosed());
    const read = [program.stdout, program.stderr].map((stream) =>
      new Promise<void>((resolve) => stream.once("close", resolve))
    );
    this.ended = program.exited.then((exit) => this.#end(exit, Promise.all(read)));
  }

  /** Sends a call and waits for its answer, at most until its time is up. */
  call({ call_id, payload, timeout_ms, signal }: Invocation, began: number): Promise<InvokeResult> {
    const { clock, config } = this.#deps;
    let id = call_id;
    while (this.#calls.has(id) || this.#overdue.has(id)) id += "+";
    const { promise, resolve } = Promise.withResolvers<InvokeResult>();
    const giveUp = (reason: FailureReason, message: string) => {
      this.#overdue.set(id, clock.after(GRACE_MS, () => this.#stuck(id)));
      this.#settle(id, this.#failed(reason, message, began));
    };
    const left = timeout_ms - (clock.monotonic() - began);
    const deadline = clock.monotonic() + left;
    const onOverdue = () => {
      const trouble = this.trouble === undefined ? "" : `; ${this.trouble}`;
      giveUp("timeout", timeoutMessage(config.executable_path, timeout_ms) + trouble);
    };
    const cancel = () => giveUp("cancelled", cancelledMessage(config.executable_path));
    signal.addEventListener("abort", cancel);
    this.#calls.set(id, {
      began,
      deadline,
      onOverdue,
      settle(result) {
        signal.removeEventListener("abort", cancel);
        resolve(result);
      },
    });
    this.#lookAt(deadline);
    this.#send(callLine(id, payload, Math.trunc(clock.now() + left)));
    return promise;
  }

  /** Sees to it that the deadlines are looked at then. One timer for all calls: one for each would cost as much as the call. */
  #lookAt(deadline: number): void {
    if (this.#deadlines !== undefined && this.#deadlines.at <= deadline) return;
    this.#deadlines?.cancel();
    const { clock } = this.#deps;
    const cancel = clock.after(deadline - clock.monotonic(), () => {
      this.#deadlines = undefined;
      const now = clock.monotonic();
      for (const call of [...this.#calls.values()]) if (call.deadline <= now) call.onOverdue();
      const next = Math.min(...[...this.#calls.values()].map((call) => call.deadline));
      if (next < Infinity) this.#lookAt(next);
    });
    this.#deadlines = { at: deadline, cancel };
  }

  /** Ends it once the calls that it has are over. */
  retire(): void {
    this.#isRetired = true;
    this.#endIfIdle();
  }

  /** Ends it now; resolves when it has ended. */
  async end(): Promise<void> {
    this.#kill({ reason: "cancelled", message: cancelledMessage(this.#deps.config.executable_path) });
    await this.ended;
  }

  /** Many calls of one moment become one write; while one is under way, the next is gathered. */
  #send(line: Uint8Array): void {
    this.#unsent.push(line);
    if (this.#isSending) return;
    this.#isSending = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const [first, ...more] = this.#unsent;
    this.#unsent = [];
    if (first === undefined) {
      this.#isSending = false;
      return;
    }
    const bytes = more.length === 0 ? first : Buffer.concat([first, ...more]);
    this.#program.stdin.write(bytes, (error) => {
      if (error) this.#stdinClosed();
      else this.#flush();
    });
  }

  #read(chunk: Uint8Array): void {
    const lines = this.#lines.push(chunk);
    if (lines === undefined) {
      this.#kill({ reason: "output_limit", message: outputLimitMessage(this.#deps.config) });
      return;
    }
    for (const line of lines) this.#take(line);
  }

  #take(line: Uint8Array): void {
    const answer = readAnswer(line);
    const { call_id } = answer;
    const call = call_id === undefined ? undefined : this.#calls.get(call_id);
    if (call === undefined || call_id === undefined) {
      const cancel = call_id === undefined ? undefined : this.#overdue.get(call_id);
      cancel?.();
      if (call_id !== undefined) this.#overdue.delete(call_id);
      if (cancel === undefined) this.#complain(answer.ok === undefined ? answer.reason : unasked(answer.call_id));
      return;
    }
    this.hasAnswered = true;
    const { began } = call;
    if (answer.ok === undefined) {
      const message = `"${this.#name}" wrote an answer that ${answer.reason}; docs/driver_abi.md has its form`;
      this.#settle(call_id, this.#failed("exit", message, began));
      return;
    }
    const stdout = answer.ok ? Buffer.from(answer.result) : Buffer.alloc(0);
    const stderr = Buffer.from(answer.log);
    const limit = this.#deps.config.max_output_bytes;
    const duration_ms = this.#since(began);
    const outputs = { stdout: stdout.subarray(0, limit), stderr: stderr.subarray(0, limit), duration_ms };
    if (stdout.length > limit || stderr.length > limit) {
      const message = `"${this.#name}" answered with more than ${limit} bytes; raise runtime.max_output_bytes`;
      this.#settle(call_id, failure("output_limit", message, outputs));
    } else if (answer.ok) {
      this.#settle(call_id, { ok: true, exit_code: 0, ...outputs });
    } else {
      const message = `"${this.#name}" answered with an error after ${duration_ms} ms: ${
        lastLine(Buffer.from(answer.error)) || "it gives no reason"
      }`;
      this.#settle(call_id, failure("exit", message, { ...outputs, exit_code: 1 }));
    }
  }

  #settle(id: string, result: InvokeResult): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    call?.settle(result);
    if (this.#calls.size === 0) {
      // A timer would keep the node from ending.
      this.#deadlines?.cancel();
      this.#deadlines = undefined;
    }
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (!this.#isRetired || this.#calls.size > 0) return;
    this.#kill({ reason: "cancelled", message: cancelledMessage(this.#name) });
  }

  #stuck(id: string): void {
    this.#overdue.delete(id);
    this.#deps.onStuck();
  }

  #complain(reason: string): void {
    this.trouble = `"${this.#name}" wrote a line to standard output that ${reason}`;
  }

  /** It takes no more calls. Usually it is about to end, and then its end says more. */
  #stdinClosed(): void {
    if (this.hasExited) return;
    this.#stdinGrace ??= this.#deps.clock.after(GRACE_MS, () =>
      this.#kill({
        reason: "exit",
        message: `"${this.#name}" closed its standard input and went on, so it gets no calls any more`,
      }));
  }

  #kill(forced: Forced): void {
    if (this.#forced !== undefined || this.hasExited) return;
    this.#forced = forced;
    this.#deps.os.killTree(this.#program.pid);
  }

  async #end(exit: ProgramExit, read: Promise<unknown>): Promise<void> {
    const { clock, os, onEnd } = this.#deps;
    const { pid } = this.#program;
    this.hasExited = true;
    os.killLeftovers(pid);
    const overdue = Promise.withResolvers<void>();
    const cancel = clock.after(LINGER_MS, overdue.resolve);
    // Its last answers may still be in the pipe.
    await Promise.race([read, overdue.promise]);
    cancel();
    const how = this.#how(exit);
    this.#program.release();
    this.#stdinGrace?.();
    for (const cancelGrace of this.#overdue.values()) cancelGrace();
    this.#overdue.clear();
    const words = this.#forced === undefined ? lastLine(this.#lastStderr()) : "";
    const message = this.#forced?.message ?? `${how} before it answered${words === "" ? "" : `: ${words}`}`;
    const reason = this.#forced?.reason ?? (exit.signal === null ? "exit" : "signal");
    const limit = this.#deps.config.max_output_bytes;
    const more = {
      exit_code: this.#forced === undefined ? exit.code ?? -1 : -1,
      stdout: this.#lines.rest().subarray(0, limit),
    };
    for (const [id, { began }] of [...this.#calls]) this.#settle(id, this.#failed(reason, message, began, more));
    onEnd(this.#forced === undefined ? (words === "" ? how : `${how} (${words})`) : this.#forced.message);
  }

  #how({ code, signal }: ProgramExit): string {
    const strays = this.#deps.os.holdersOf(this.#program.pipes());
    const left = strays.length === 0 ? "" : `; ${strayNotice(this.#name, strays)}`;
    return (signal === null ? `"${this.#name}" exited with code ${code}` : `"${this.#name}" was ended by ${signal}`) +
      left;
  }

  #failed(
    reason: FailureReason,
    message: string,
    began: number,
    more: { readonly exit_code?: number; readonly stdout?: Uint8Array } = {},
  ): InvokeFailure {
    const stderr = this.#lastStderr().subarray(-this.#deps.config.max_output_bytes);
    return failure(reason, message, { ...more, stderr, duration_ms: this.#since(began) });
  }

  #keepStderr(chunk: Uint8Array): void {
    this.#stderr.push(chunk);
    this.#stderrSize += chunk.length;
    if (this.#stderrSize <= 4 * MAX_STDERR_BYTES) return;
    this.#stderr = [this.#lastStderr()];
    this.#stderrSize = MAX_STDERR_BYTES;
  }

  #lastStderr(): Uint8Array {
    // A copy, so that what came before it can go.
    return Buffer.concat(this.#stderr).subarray(-MAX_STDERR_BYTES).slice();
  }

  #since(began: number): number {
    return Math.round(this.#deps.clock.monotonic() - began);
  }

  get #name(): string {
    return this.#deps.config.executable_path;
  }
}

function unasked(callId: string): string {
  return `answers the call "${callId.slice(0, 100)}", which it was not asked or has already answered`;
}
